object AuthorizationManager needs System.View {
    privilegeList?: AuthorizationPrivilege[];
    roleList?: AuthorizationRole[];
    description: AuthorizationDescription;

    AddAuthorizationRole(name: string, privIds?: string[]) -> int
        needs Authorization.ModifyRoles
        faults AlreadyExists, InvalidName;

    RemoveAuthorizationRole(roleId: int, failIfUsed: boolean) -> void
        needs Authorization.ModifyRoles
        faults NotFound, RemoveFailed;

    UpdateAuthorizationRole(roleId: int, newName: string, privIds?: string[]) -> void
        needs Authorization.ModifyRoles
        faults NotFound, InvalidName, AlreadyExists;

    MergePermissions(srcRoleId: int, dstRoleId: int) -> void
        needs Authorization.ReassignRolePermissions
        faults NotFound, AuthMinimumAdminPermission;

    RetrieveRolePermissions(roleId: int) -> Permission[]?
        needs System.View
        faults NotFound;

    RetrieveEntityPermissions(entity: ref ManagedEntity needs System.Read, inherited: boolean) -> Permission[]?;

    RetrieveAllPermissions() -> Permission[]?
        needs System.View;

    SetEntityPermissions(entity: ref ManagedEntity needs Authorization.ModifyPermissions,
            permission?: Permission[]) -> void
        faults UserNotFound, NotFound, AuthMinimumAdminPermission;

    ResetEntityPermissions(entity: ref ManagedEntity needs Authorization.ModifyPermissions,
            permission?: Permission[]) -> void
        faults UserNotFound, NotFound, AuthMinimumAdminPermission;

    RemoveEntityPermission(entity: ref ManagedEntity needs Authorization.ModifyPermissions,
            user: string, isGroup: boolean) -> void
        faults NotFound, AuthMinimumAdminPermission;

    HasPrivilegeOnEntity(entity: ref ManagedEntity needs System.Read, sessionId: string,
            privId?: string[]) -> boolean[]?
        needs System.View since 5.0;

    HasPrivilegeOnEntities(entity: ref ManagedEntity[] needs System.Read, sessionId: string,
            privId?: string[]) -> EntityPrivilege[]?
        needs System.View since 5.5;

    HasUserPrivilegeOnEntities(entities: ref any[] needs System.View, userName: string,
            privId?: string[]) -> EntityPrivilege[]?
        since 6.5;

    FetchUserPrivilegeOnEntities(entities: ref ManagedEntity[] needs System.View,
            userName: string) -> UserPrivilegeResult[]?
        since 6.5;
}

data AuthorizationRole {
    roleId: int;
    system: boolean;
    name: string;
    info: Description;
    privilege?: string[];
}

data AuthorizationPrivilege {
    privId: string;
    onParent: boolean;
    name: string;
    privGroupName: string;
}

data AuthorizationDescription {
    privilege: ElementDescription[];
    privilegeGroup: ElementDescription[];
}

data Permission {
    entity?: ref ManagedEntity;
    principal: string;
    group: boolean;
    roleId: int;
    propagate: boolean;
}

data EntityPrivilege since 5.5 {
    entity: ref ManagedEntity;
    privAvailability: PrivilegeAvailability[];
}

data PrivilegeAvailability since 5.5 {
    privId: string;
    isGranted: boolean;
}

data UserPrivilegeResult since 6.5 {
    entity: ref ManagedEntity;
    privileges?: string[];
}

data LicenseManagerLicenseInfo since 4.0 {
    licenseKey: string;
    editionKey: string;
    name: string;
    total: int;
    used?: int;
    costUnit: string;
    properties?: KeyAnyValue[];
    labels?: KeyValue[];
}
