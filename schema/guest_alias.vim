object GuestAliasManager since 6.0 {
    AddGuestAlias(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.ModifyAliases,
            auth: GuestAuthentication, username: string, mapCert: boolean,
            base64Cert: string, aliasInfo: GuestAuthAliasInfo) -> void
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied;

    RemoveGuestAlias(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.ModifyAliases,
            auth: GuestAuthentication, username: string, base64Cert: string,
            subject: GuestAuthSubject) -> void
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied;

    RemoveGuestAliasByCert(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.ModifyAliases,
            auth: GuestAuthentication, username: string, base64Cert: string) -> void
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied;

    ListGuestAliases(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.QueryAliases,
            auth: GuestAuthentication, username: string) -> GuestAliases[]?
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied;

    ListGuestMappedAliases(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.QueryAliases,
            auth: GuestAuthentication) -> GuestMappedAliases[]?
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied;
}

abstract data GuestAuthSubject since 6.0 { }
data GuestAuthAnySubject extends GuestAuthSubject since 6.0 { }
data GuestAuthNamedSubject extends GuestAuthSubject since 6.0 { name: string; }

data GuestAuthAliasInfo since 6.0 {
    subject: GuestAuthSubject;
    comment: string;
}

data GuestAliases since 6.0 {
    base64Cert: string;
    aliases: GuestAuthAliasInfo[];
}

data GuestMappedAliases since 6.0 {
    base64Cert: string;
    username: string;
    subjects: GuestAuthSubject[];
}
