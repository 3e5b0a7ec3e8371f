# REST: virtual machines and their power.

enum PowerState { POWERED_OFF; POWERED_ON; SUSPENDED; }
enum HardwareUpgradePolicy { NEVER; AFTER_CLEAN_SHUTDOWN; ALWAYS; }
enum HardwareUpgradeStatus { NONE; PENDING; SUCCESS; FAILED; }
enum HardwareBootType { BIOS; EFI; }
enum HardwareDiskHostBusAdapterType { IDE; SCSI; SATA; NVME; }
enum HardwareDiskBackingType { VMDK_FILE; }
enum HardwareEthernetEmulationType { E1000; E1000E; PCNET32; VMXNET; VMXNET2; VMXNET3; }
enum HardwareEthernetMacAddressType { MANUAL; GENERATED; ASSIGNED; }
enum HardwareEthernetBackingType { STANDARD_PORTGROUP; HOST_DEVICE; DISTRIBUTED_PORTGROUP; OPAQUE_NETWORK; }
enum HardwareConnectionState { CONNECTED; RECOVERABLE_ERROR; UNRECOVERABLE_ERROR; NOT_CONNECTED; UNKNOWN; }
enum HardwareAdapterScsiType { BUSLOGIC; LSILOGIC; LSILOGICSAS; PVSCSI; }
enum HardwareAdapterScsiSharing { NONE; VIRTUAL; PHYSICAL; }

data VMSummary {
    vm: string;
    name: string;
    power_state: PowerState;
    cpu_count?: long;
    memory_size_MiB?: long;
}

data PowerInfo {
    state: PowerState;
    clean_power_off?: boolean;
}

data IdentityInfo {
    name: string;
    bios_uuid: string;
    instance_uuid: string;
}

data HardwareInfo {
    version: string; # "VMX_21"
    upgrade_policy: HardwareUpgradePolicy;
    upgrade_version?: string;
    upgrade_status: HardwareUpgradeStatus;
}

data HardwareBootInfo {
    type: HardwareBootType;
    delay: long;
    retry: boolean;
    retry_delay: long;
    enter_setup_mode: boolean;
}

data HardwareBootDeviceEntry { type: string; }

data HardwareCpuInfo {
    count: long;
    cores_per_socket: long;
    hot_add_enabled: boolean;
    hot_remove_enabled: boolean;
}

data HardwareMemoryInfo {
    size_MiB: long;
    hot_add_enabled: boolean;
    hot_add_increment_size_MiB?: long;
    hot_add_limit_MiB?: long;
}

data HardwareScsiAddressInfo {
    bus: long;
    unit: long;
}

data HardwareDiskBackingInfo {
    type: HardwareDiskBackingType;
    vmdk_file?: string;
}

data HardwareDiskInfo {
    label: string;
    type: HardwareDiskHostBusAdapterType;
    scsi?: HardwareScsiAddressInfo;
    backing: HardwareDiskBackingInfo;
    capacity?: long;
}

data HardwareEthernetBackingInfo {
    type: HardwareEthernetBackingType;
    network?: string;
    network_name?: string;
}

data HardwareEthernetInfo {
    label: string;
    type: HardwareEthernetEmulationType;
    upt_compatibility_enabled?: boolean;
    mac_type: HardwareEthernetMacAddressType;
    mac_address?: string;
    pci_slot_number?: long;
    wake_on_lan_enabled: boolean;
    backing: HardwareEthernetBackingInfo;
    state: HardwareConnectionState;
    start_connected: boolean;
    allow_guest_control: boolean;
}

data HardwareAdapterScsiInfo {
    label: string;
    type: HardwareAdapterScsiType;
    scsi: HardwareScsiAddressInfo;
    sharing: HardwareAdapterScsiSharing;
}

# Kinds of devices that this host's virtual machines do not have.
data HardwareOtherInfo { label: string; }

data VMInfo {
    guest_OS: string; # the guest id in REST spelling: "DEBIAN_12_64"
    name: string;
    identity?: IdentityInfo;
    power_state: PowerState;
    instant_clone_frozen?: boolean;
    hardware: HardwareInfo;
    boot: HardwareBootInfo;
    boot_devices: HardwareBootDeviceEntry[];
    cpu: HardwareCpuInfo;
    memory: HardwareMemoryInfo;
    disks: map HardwareDiskInfo;
    nics: map HardwareEthernetInfo;
    cdroms: map HardwareOtherInfo;
    floppies: map HardwareOtherInfo;
    parallel_ports: map HardwareOtherInfo;
    serial_ports: map HardwareOtherInfo;
    sata_adapters: map HardwareOtherInfo;
    scsi_adapters: map HardwareAdapterScsiInfo;
    nvme_adapters?: map HardwareOtherInfo;
}

operation vm_list: GET /api/vcenter/vm (vms?: string[], names?: string[], folders?: string[],
        datacenters?: string[], hosts?: string[], clusters?: string[], resource_pools?: string[],
        power_states?: PowerState[]) -> VMSummary[]
    errors INVALID_ARGUMENT, UNABLE_TO_ALLOCATE_RESOURCE;
operation vm_get: GET /api/vcenter/vm/{vm} -> VMInfo
    errors NOT_FOUND, RESOURCE_INACCESSIBLE, UNAUTHORIZED;
operation vm_delete: DELETE /api/vcenter/vm/{vm} -> void
    errors NOT_FOUND, NOT_ALLOWED_IN_CURRENT_STATE, RESOURCE_INACCESSIBLE, UNAUTHORIZED;

operation power_get: GET /api/vcenter/vm/{vm}/power -> PowerInfo errors NOT_FOUND, UNAUTHORIZED;
operation power_start: POST /api/vcenter/vm/{vm}/power?action=start -> void
    errors NOT_FOUND, ALREADY_IN_DESIRED_STATE, RESOURCE_BUSY, UNAUTHORIZED, TIMED_OUT;
operation power_stop: POST /api/vcenter/vm/{vm}/power?action=stop -> void
    errors NOT_FOUND, ALREADY_IN_DESIRED_STATE, RESOURCE_BUSY, UNAUTHORIZED, TIMED_OUT;
operation power_reset: POST /api/vcenter/vm/{vm}/power?action=reset -> void
    errors NOT_FOUND, NOT_ALLOWED_IN_CURRENT_STATE, RESOURCE_BUSY, UNAUTHORIZED, TIMED_OUT;
operation power_suspend: POST /api/vcenter/vm/{vm}/power?action=suspend -> void
    errors NOT_FOUND, ALREADY_IN_DESIRED_STATE, NOT_ALLOWED_IN_CURRENT_STATE, RESOURCE_BUSY,
        UNAUTHORIZED, TIMED_OUT;
