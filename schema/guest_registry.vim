object GuestWindowsRegistryManager since 6.0 {
    CreateRegistryKeyInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Modify,
            auth: GuestAuthentication, keyName: GuestRegKeyNameSpec, isVolatile: boolean,
            classType?: string) -> void
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied;

    ListRegistryKeysInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Query,
            auth: GuestAuthentication, keyName: GuestRegKeyNameSpec, recursive: boolean,
            matchPattern?: string) -> GuestRegKeyRecordSpec[]?
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied;

    DeleteRegistryKeyInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Modify,
            auth: GuestAuthentication, keyName: GuestRegKeyNameSpec, recursive: boolean) -> void
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied;

    SetRegistryValueInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Modify,
            auth: GuestAuthentication, value: GuestRegValueSpec) -> void
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied;

    ListRegistryValuesInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Query,
            auth: GuestAuthentication, keyName: GuestRegKeyNameSpec, expandStrings: boolean,
            matchPattern?: string) -> GuestRegValueSpec[]?
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied;

    DeleteRegistryValueInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Modify,
            auth: GuestAuthentication, valueName: GuestRegValueNameSpec) -> void
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied;
}

data GuestRegKeyNameSpec since 6.0 {
    registryPath: string;
    wowBitness: string;
}

data GuestRegKeySpec since 6.0 {
    keyName: GuestRegKeyNameSpec;
    classType: string;
    lastWritten: dateTime;
}

data GuestRegKeyRecordSpec since 6.0 {
    key: GuestRegKeySpec;
    fault?: LocalizedMethodFault;
}

data GuestRegValueNameSpec since 6.0 {
    keyName: GuestRegKeyNameSpec;
    name: string;
}

abstract data GuestRegValueDataSpec since 6.0 { }
data GuestRegValueDwordSpec extends GuestRegValueDataSpec since 6.0 { value: int; }
data GuestRegValueQwordSpec extends GuestRegValueDataSpec since 6.0 { value: long; }
data GuestRegValueStringSpec extends GuestRegValueDataSpec since 6.0 { value?: string; }
data GuestRegValueExpandStringSpec extends GuestRegValueDataSpec since 6.0 { value?: string; }
data GuestRegValueMultiStringSpec extends GuestRegValueDataSpec since 6.0 { value?: string[]; }
data GuestRegValueBinarySpec extends GuestRegValueDataSpec since 6.0 { value?: base64Binary; }

data GuestRegValueSpec since 6.0 {
    name: GuestRegValueNameSpec;
    data: GuestRegValueDataSpec;
}
