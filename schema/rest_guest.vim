# REST: what a guest says of itself, and operations inside it.

enum OSFamily { WINDOWS; LINUX; NETWARE; SOLARIS; DARWIN; OTHER; }
enum GuestPowerState { RUNNING; SHUTTING_DOWN; RESETTING; STANDBY; NOT_RUNNING; UNAVAILABLE; }
enum NetworkingInterfacesIpAddressOrigin { OTHER; MANUAL; DHCP; LINKLAYER; RANDOM; }
enum NetworkingInterfacesIpAddressStatus {
    PREFERRED; DEPRECATED; INVALID; INACCESSIBLE; UNKNOWN; TENTATIVE; DUPLICATE;
}
enum ToolsUpgradePolicy { MANUAL; UPGRADE_AT_POWER_CYCLE; }
enum ToolsVersionStatus {
    NOT_INSTALLED; CURRENT; UNMANAGED; TOO_OLD_UNSUPPORTED; SUPPORTED_OLD; SUPPORTED_NEW; TOO_NEW; BLACKLISTED;
}
enum ToolsToolsInstallType { UNKNOWN; MSI; TAR; OSP; OPEN_VM_TOOLS; }
enum ToolsRunState { NOT_RUNNING; RUNNING; EXECUTING_SCRIPTS; }
enum CredentialsType { USERNAME_PASSWORD; SAML_BEARER_TOKEN; }
enum FilesystemFilesType { FILE; DIRECTORY; SYMLINK; }
enum FilesystemFilesFilesystemFamily { WINDOWS; POSIX; }
enum FilesystemFilesLastIterationStatus { READY; END_OF_DATA; }

data GuestIdentityInfo {
    name: string;
    family: OSFamily;
    full_name: LocalizableMessage;
    host_name: string;
    ip_address?: string;
}

data LocalFilesystemVirtualDiskMapping { disk: string; }

data LocalFilesystemInfo {
    capacity: long;
    free_space: long;
    filesystem?: string;
    mappings?: LocalFilesystemVirtualDiskMapping[];
}

data DnsAssignedValues {
    host_name: string;
    domain_name: string;
}

data DnsConfigInfo {
    ip_addresses: string[];
    search_domains: string[];
}

data NetworkingInfo {
    dns_values?: DnsAssignedValues;
    dns?: DnsConfigInfo;
}

data NetworkingInterfacesIpAddressInfo {
    ip_address: string;
    prefix_length: long;
    origin?: NetworkingInterfacesIpAddressOrigin;
    state: NetworkingInterfacesIpAddressStatus;
}

data NetworkingInterfacesIpConfigInfo { ip_addresses: NetworkingInterfacesIpAddressInfo[]; }

data NetworkingInterfacesInfo {
    dns_values?: DnsAssignedValues;
    mac_address?: string;
    dns?: DnsConfigInfo;
    ip?: NetworkingInterfacesIpConfigInfo;
    wins_servers?: string[];
    nic?: string; # key of the network adapter
}

data NetworkingRoutesInfo {
    network: string;
    prefix_length: long;
    gateway_address?: string;
    interface_index?: long;
}

data OperationsInfo {
    guest_operations_ready: boolean;
    interactive_guest_operations_ready: boolean;
}

data GuestPowerInfo {
    state: GuestPowerState;
    operations_ready: boolean;
}

data ToolsInfo {
    auto_update_supported: boolean;
    version_number?: long;
    version?: string;
    upgrade_policy: ToolsUpgradePolicy;
    version_status?: ToolsVersionStatus;
    install_type?: ToolsToolsInstallType;
    run_state: ToolsRunState;
}

operation guest_identity: GET /api/vcenter/vm/{vm}/guest/identity -> GuestIdentityInfo
    errors NOT_FOUND, SERVICE_UNAVAILABLE, UNAUTHORIZED;
operation guest_local_filesystem: GET /api/vcenter/vm/{vm}/guest/local-filesystem -> map LocalFilesystemInfo
    errors NOT_FOUND, SERVICE_UNAVAILABLE, UNAUTHORIZED;
operation guest_networking: GET /api/vcenter/vm/{vm}/guest/networking -> NetworkingInfo
    errors NOT_FOUND, SERVICE_UNAVAILABLE, UNAUTHORIZED;
operation guest_networking_interfaces: GET /api/vcenter/vm/{vm}/guest/networking/interfaces
    -> NetworkingInterfacesInfo[]
    errors NOT_FOUND, SERVICE_UNAVAILABLE, UNAUTHORIZED;
operation guest_networking_routes: GET /api/vcenter/vm/{vm}/guest/networking/routes -> NetworkingRoutesInfo[]
    errors NOT_FOUND, SERVICE_UNAVAILABLE, UNAUTHORIZED;
operation guest_operations: GET /api/vcenter/vm/{vm}/guest/operations -> OperationsInfo
    errors NOT_FOUND, UNAUTHORIZED;
operation guest_power_get: GET /api/vcenter/vm/{vm}/guest/power -> GuestPowerInfo
    errors NOT_FOUND, UNAUTHORIZED;
operation guest_power_reboot: POST /api/vcenter/vm/{vm}/guest/power?action=reboot -> void
    errors NOT_FOUND, RESOURCE_BUSY, NOT_ALLOWED_IN_CURRENT_STATE, SERVICE_UNAVAILABLE, UNAUTHORIZED;
operation guest_power_shutdown: POST /api/vcenter/vm/{vm}/guest/power?action=shutdown -> void
    errors NOT_FOUND, RESOURCE_BUSY, NOT_ALLOWED_IN_CURRENT_STATE, SERVICE_UNAVAILABLE, UNAUTHORIZED;
operation guest_power_standby: POST /api/vcenter/vm/{vm}/guest/power?action=standby -> void
    errors NOT_FOUND, RESOURCE_BUSY, NOT_ALLOWED_IN_CURRENT_STATE, SERVICE_UNAVAILABLE, UNAUTHORIZED;
operation tools_get: GET /api/vcenter/vm/{vm}/tools -> ToolsInfo errors NOT_FOUND, UNAUTHORIZED;

# ---- operations with a guest user's credentials ----

data Credentials {
    interactive_session: boolean default;
    type: CredentialsType;
    user_name?: string;
    password?: string secret;
    saml_token?: string secret;
}

data CredentialsOnly { credentials: Credentials; }

data EnvironmentList {
    credentials: Credentials;
    names?: string[];
}

data FilesystemDirectoriesCreate {
    credentials: Credentials;
    path: string;
    create_parents?: boolean;
}

data FilesystemCreateTemporary {
    credentials: Credentials;
    prefix: string;
    suffix: string;
    parent_path?: string;
}

data FilesystemDirectoriesDelete {
    credentials: Credentials;
    path: string;
    recursive?: boolean;
}

data FilesystemDirectoriesMove {
    credentials: Credentials;
    path: string;
    new_path: string;
}

data FilesystemFilesMove {
    credentials: Credentials;
    path: string;
    new_path: string;
    overwrite?: boolean;
}

data FilesystemFilesPosixFileAttributesInfo {
    owner: long;
    group: long;
    permissions: string; # octal: "644"
}

data FilesystemFilesWindowsFileAttributesInfo {
    hidden: boolean;
    read_only: boolean;
    created: dateTime;
}

data FilesystemFilesFileAttributesInfo {
    last_modified: dateTime;
    last_accessed: dateTime;
    symlink_target?: string;
    filesystem_family: FilesystemFilesFilesystemFamily;
    win_attributes?: FilesystemFilesWindowsFileAttributesInfo;
    posix_attributes?: FilesystemFilesPosixFileAttributesInfo;
}

data FilesystemFilesInfo {
    type: FilesystemFilesType;
    size: long;
    attributes: FilesystemFilesFileAttributesInfo;
}

data FilesystemFilesIterationSpec {
    size?: long;
    index?: long;
}

data FilesystemFilesFilterSpec { match_pattern?: string; }

data FilesystemFilesList {
    credentials: Credentials;
    path: string;
    iteration?: FilesystemFilesIterationSpec;
    filter?: FilesystemFilesFilterSpec;
}

data FilesystemFilesSummary {
    filename: string;
    type: FilesystemFilesType;
    size: long;
}

data FilesystemFilesListResult {
    files: FilesystemFilesSummary[];
    total: long;
    start_index?: long;
    end_index?: long;
    status: FilesystemFilesLastIterationStatus;
}

# Owners are numbers; permissions are octal text.
data FilesystemPosixFileAttributesSpec {
    owner_id?: long;
    group_id?: long;
    permissions?: string;
}

data FilesystemWindowsFileAttributesSpec {
    hidden?: boolean;
    read_only?: boolean;
}

data FilesystemFilesFileAttributesUpdateSpec {
    last_modified?: dateTime;
    last_accessed?: dateTime;
    windows?: FilesystemWindowsFileAttributesSpec;
    posix?: FilesystemPosixFileAttributesSpec;
}

data FilesystemFilesUpdate {
    credentials: Credentials;
    path: string;
    file_attributes: FilesystemFilesFileAttributesUpdateSpec;
}

data FilesystemTransfersFileCreationAttributes {
    size: long;
    overwrite?: boolean;
    last_modified?: dateTime;
    last_accessed?: dateTime;
    windows?: FilesystemWindowsFileAttributesSpec;
    posix?: FilesystemPosixFileAttributesSpec;
}

data FilesystemTransfersCreateSpec {
    path: string;
    attributes?: FilesystemTransfersFileCreationAttributes;
}

data FilesystemTransfersCreate {
    credentials: Credentials;
    spec: FilesystemTransfersCreateSpec;
}

data ProcessesCreateSpec {
    path: string;
    arguments?: string;
    working_directory?: string;
    environment_variables?: map string;
    start_minimized?: boolean;
}

data ProcessesCreate {
    credentials: Credentials;
    spec: ProcessesCreateSpec;
}

data ProcessesInfo {
    name: string;
    owner: string;
    command: string;
    started: dateTime;
    finished?: dateTime;
    exit_code?: long;
}

data ProcessesSummary {
    name: string;
    pid: long;
    owner: string;
    command: string;
    started: dateTime;
}

operation environment_get: POST /api/vcenter/vm/{vm}/guest/environment/{name}?action=get body CredentialsOnly
    -> string
    errors NOT_FOUND, NOT_ALLOWED_IN_CURRENT_STATE, RESOURCE_BUSY, SERVICE_UNAVAILABLE, UNAUTHORIZED;
operation environment_list: POST /api/vcenter/vm/{vm}/guest/environment?action=list body EnvironmentList
    -> map string
    errors NOT_FOUND, NOT_ALLOWED_IN_CURRENT_STATE, RESOURCE_BUSY, SERVICE_UNAVAILABLE, UNAUTHORIZED;

operation directories_create: POST /api/vcenter/vm/{vm}/guest/filesystem/directories?action=create
    body FilesystemDirectoriesCreate -> void
    errors NOT_FOUND, ALREADY_EXISTS, INVALID_ARGUMENT, UNSUPPORTED, RESOURCE_BUSY, SERVICE_UNAVAILABLE, UNAUTHORIZED;
operation directories_create_temporary:
    POST /api/vcenter/vm/{vm}/guest/filesystem/directories?action=createTemporary
    body FilesystemCreateTemporary -> string
    errors NOT_FOUND, INVALID_ARGUMENT, UNSUPPORTED, RESOURCE_BUSY, SERVICE_UNAVAILABLE, UNAUTHORIZED;
operation directories_delete: POST /api/vcenter/vm/{vm}/guest/filesystem/directories?action=delete
    body FilesystemDirectoriesDelete -> void
    errors NOT_FOUND, INVALID_ARGUMENT, UNSUPPORTED, RESOURCE_BUSY, SERVICE_UNAVAILABLE, UNAUTHORIZED;
operation directories_move: POST /api/vcenter/vm/{vm}/guest/filesystem/directories?action=move
    body FilesystemDirectoriesMove -> void
    errors NOT_FOUND, ALREADY_EXISTS, INVALID_ARGUMENT, UNSUPPORTED, RESOURCE_BUSY, SERVICE_UNAVAILABLE, UNAUTHORIZED;

operation files_get: POST /api/vcenter/vm/{vm}/guest/filesystem/files/{path}?action=get body CredentialsOnly
    -> FilesystemFilesInfo
    errors NOT_FOUND, UNSUPPORTED, RESOURCE_BUSY, SERVICE_UNAVAILABLE, UNAUTHORIZED;
operation files_delete: POST /api/vcenter/vm/{vm}/guest/filesystem/files/{path}?action=delete
    body CredentialsOnly -> void
    errors NOT_FOUND, INVALID_ARGUMENT, UNSUPPORTED, RESOURCE_BUSY, SERVICE_UNAVAILABLE, UNAUTHORIZED;
operation files_create_temporary: POST /api/vcenter/vm/{vm}/guest/filesystem/files?action=createTemporary
    body FilesystemCreateTemporary -> string
    errors NOT_FOUND, INVALID_ARGUMENT, UNSUPPORTED, RESOURCE_BUSY, SERVICE_UNAVAILABLE, UNAUTHORIZED;
operation files_list: POST /api/vcenter/vm/{vm}/guest/filesystem/files?action=list body FilesystemFilesList
    -> FilesystemFilesListResult
    errors NOT_FOUND, INVALID_ARGUMENT, UNSUPPORTED, RESOURCE_BUSY, SERVICE_UNAVAILABLE, UNAUTHORIZED;
operation files_move: POST /api/vcenter/vm/{vm}/guest/filesystem/files?action=move body FilesystemFilesMove -> void
    errors NOT_FOUND, ALREADY_EXISTS, INVALID_ARGUMENT, UNSUPPORTED, RESOURCE_BUSY, SERVICE_UNAVAILABLE, UNAUTHORIZED;
operation files_update: POST /api/vcenter/vm/{vm}/guest/filesystem/files?action=update body FilesystemFilesUpdate
    -> void
    errors NOT_FOUND, INVALID_ARGUMENT, UNSUPPORTED, RESOURCE_BUSY, SERVICE_UNAVAILABLE, UNAUTHORIZED;
operation transfers_create: POST /api/vcenter/vm/{vm}/guest/filesystem?action=create body FilesystemTransfersCreate
    -> anyURI status 201
    errors NOT_FOUND, ALREADY_EXISTS, INVALID_ARGUMENT, UNSUPPORTED, UNABLE_TO_ALLOCATE_RESOURCE,
        SERVICE_UNAVAILABLE, UNAUTHORIZED;

operation processes_get: POST /api/vcenter/vm/{vm}/guest/processes/{pid}?action=get body CredentialsOnly
    -> ProcessesInfo
    errors NOT_FOUND, UNSUPPORTED, RESOURCE_BUSY, SERVICE_UNAVAILABLE, UNAUTHORIZED;
operation processes_delete: POST /api/vcenter/vm/{vm}/guest/processes/{pid}?action=delete body CredentialsOnly -> void
    errors NOT_FOUND, UNSUPPORTED, RESOURCE_BUSY, SERVICE_UNAVAILABLE, UNAUTHORIZED;
operation processes_create: POST /api/vcenter/vm/{vm}/guest/processes?action=create body ProcessesCreate
    -> long status 201
    errors NOT_FOUND, INVALID_ARGUMENT, UNSUPPORTED, UNABLE_TO_ALLOCATE_RESOURCE, SERVICE_UNAVAILABLE, UNAUTHORIZED;
operation processes_list: POST /api/vcenter/vm/{vm}/guest/processes?action=list body CredentialsOnly
    -> ProcessesSummary[]
    errors NOT_FOUND, UNSUPPORTED, RESOURCE_BUSY, SERVICE_UNAVAILABLE, UNAUTHORIZED;
