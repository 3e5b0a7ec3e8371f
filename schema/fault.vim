fault MethodFault {
    faultCause?: LocalizedMethodFault since 4.0;
    faultMessage?: LocalizableMessage[] since 4.0;
}

fault RuntimeFault extends MethodFault { }
fault VimFault extends MethodFault { }
fault AlreadyExists extends VimFault { name?: string; }
fault AlreadyUpgraded extends VimFault { }
fault AuthMinimumAdminPermission extends VimFault { }
fault ConcurrentAccess extends VimFault { }
fault CustomizationFault extends VimFault { }

fault DuplicateName extends VimFault {
    name: string;
    object: ref any;
}

fault FileFault extends VimFault { file: string; }
fault CannotAccessFile extends FileFault { }
fault CannotDeleteFile extends FileFault { }
fault DirectoryNotEmpty extends FileFault since 5.0 { }
fault FileAlreadyExists extends FileFault { }
fault FileLocked extends FileFault { }
fault FileNameTooLong extends FileFault since 5.0 { }
fault FileNotFound extends FileFault { }
fault FileNotWritable extends FileFault { }

fault FileTooLarge extends FileFault since 2.5 {
    datastore: string;
    fileSize: long;
    maxFileSize?: long;
}

fault NetworkCopyFault extends FileFault { }
fault NoDiskSpace extends FileFault { datastore: string; }
fault NotADirectory extends FileFault since 5.0 { }
fault NotAFile extends FileFault since 5.0 { }
fault GuestOperationsFault extends VimFault since 5.0 { }

fault GuestAuthenticationChallenge extends GuestOperationsFault since 5.0 {
    serverChallenge: GuestAuthentication;
    sessionID: long;
}

fault GuestComponentsOutOfDate extends GuestOperationsFault since 5.0 { }
fault GuestMultipleMappings extends GuestOperationsFault since 6.0 { }
fault GuestOperationsUnavailable extends GuestOperationsFault since 5.0 { }
fault GuestPermissionDenied extends GuestOperationsFault since 5.0 { }
fault GuestProcessNotFound extends GuestOperationsFault since 5.0 { pid: long; }

fault GuestRegistryFault extends GuestOperationsFault since 6.0 {
    windowsSystemErrorCode: long;
}

fault GuestRegistryKeyFault extends GuestRegistryFault since 6.0 { keyName: string; }
fault GuestRegistryKeyAlreadyExists extends GuestRegistryKeyFault since 6.0 { }
fault GuestRegistryKeyHasSubkeys extends GuestRegistryKeyFault since 6.0 { }
fault GuestRegistryKeyInvalid extends GuestRegistryKeyFault since 6.0 { }
fault GuestRegistryKeyParentVolatile extends GuestRegistryKeyFault since 6.0 { }

fault GuestRegistryValueFault extends GuestRegistryFault since 6.0 {
    keyName: string;
    valueName: string;
}

fault GuestRegistryValueNotFound extends GuestRegistryValueFault since 6.0 { }
fault InvalidGuestLogin extends GuestOperationsFault since 5.0 { }
fault OperationDisabledByGuest extends GuestOperationsFault since 5.0 { }
fault OperationNotSupportedByGuest extends GuestOperationsFault since 5.0 { }
fault TooManyGuestLogons extends GuestOperationsFault since 5.0 { }
fault InsufficientResourcesFault extends VimFault { }

fault InvalidDatastore extends VimFault {
    datastore?: ref Datastore;
    name?: string;
}

fault InvalidDatastorePath extends InvalidDatastore { datastorePath: string; }
fault InvalidFolder extends VimFault { target: ref ManagedEntity; }
fault InvalidLocale extends VimFault { }
fault InvalidLogin extends VimFault { }

fault InvalidName extends VimFault {
    name: string;
    entity?: ref ManagedEntity;
}

fault InvalidPrivilege extends VimFault { privilege: string; }
fault InvalidState extends VimFault { }

fault InvalidPowerState extends InvalidState {
    requestedState?: VirtualMachinePowerState;
    existingState: VirtualMachinePowerState;
}

fault InvalidDatastoreState extends InvalidState since 5.0 { datastoreName?: string; }
fault InvalidHostState extends InvalidState since 2.5 { host?: ref HostSystem; }
fault MigrationFault extends VimFault { }
fault NoClientCertificate extends VimFault since 2.5 { }
fault NoSubjectName extends VimFault since 2.5 { }
fault NotFound extends VimFault { }
fault OutOfBounds extends VimFault { argumentName: propertyPath; }
fault RemoveFailed extends VimFault { }
fault SnapshotFault extends VimFault { }
fault ApplicationQuiesceFault extends SnapshotFault { }
fault FilesystemQuiesceFault extends SnapshotFault { }
fault SnapshotDisabled extends SnapshotFault since 2.5 { }
fault SnapshotNoChange extends SnapshotFault since 2.5 { }
fault TooManySnapshotLevels extends SnapshotFault { }
fault MemorySnapshotOnIndependentDisk extends SnapshotFault { }
fault SSPIChallenge extends VimFault since 2.5 { base64Token: string; }
fault TaskInProgress extends VimFault { task: ref Task; }
fault Timedout extends VimFault { }
fault ToolsUnavailable extends VimFault { }

fault UserNotFound extends VimFault {
    principal: string;
    unresolved: boolean;
}

fault VmConfigFault extends VimFault { }
fault GenericVmConfigFault extends VmConfigFault { reason: string; }
fault InvalidVmConfig extends VmConfigFault { property?: propertyPath; }
fault VmToolsUpgradeFault extends VimFault { }
fault NoDiskFound extends VimFault { }
fault ToolsAlreadyUpgraded extends VmToolsUpgradeFault since 4.0 { }
fault ToolsAutoUpgradeNotSupported extends VmToolsUpgradeFault since 4.0 { }
fault ToolsInstallationInProgress extends MigrationFault since 4.0 { }
fault ToolsImageNotAvailable extends VmToolsUpgradeFault since 4.0 { }
fault ToolsImageCopyFailed extends VmToolsUpgradeFault since 5.1 { }
fault HostCommunication extends RuntimeFault { }
fault InvalidArgument extends RuntimeFault { invalidProperty?: propertyPath; }
fault InvalidRequest extends RuntimeFault { }
fault InvalidType extends InvalidRequest { argument?: propertyPath; }
fault InvalidProperty extends MethodFault { name: propertyPath; }
fault InvalidCollectorVersion extends MethodFault { }
fault ManagedObjectNotFound extends RuntimeFault { obj: ref any; }

fault MethodNotFound extends InvalidRequest {
    receiver: ref any;
    method: string;
}

fault NotEnoughLicenses extends RuntimeFault { }
fault NotImplemented extends RuntimeFault { }
fault NotSupported extends RuntimeFault { }
fault RequestCanceled extends RuntimeFault { }
fault SecurityError extends RuntimeFault { }

fault NoPermission extends SecurityError {
    object?: ref any;
    privilegeId?: string;
    missingPrivileges?: NoPermissionEntityPrivileges[] since 7.0.3.2;
}

fault NotAuthenticated extends NoPermission since 2.5 { }
fault RestrictedVersion extends SecurityError since 2.5 { }
fault SystemError extends RuntimeFault { reason: string; }
fault MethodDisabled extends RuntimeFault since 2.5 { source?: string since 4.1; }

fault UnexpectedFault extends RuntimeFault {
    faultName: typeName;
    fault?: LocalizedMethodFault;
}
fault InvalidEvent extends VimFault since 2.5 { }
fault CannotCreateFile extends FileFault { }
