enum HostMountMode { readWrite; readOnly; }
enum HostSystemPowerState { poweredOn; poweredOff; standBy; unknown; }
enum HostSystemConnectionState { connected; notResponding; disconnected; }

data HostListSummary {
    host?: ref HostSystem;
    hardware?: HostHardwareSummary;
    runtime?: HostRuntimeInfo;
    config: HostConfigSummary;
    quickStats: HostListSummaryQuickStats;
    overallStatus: ManagedEntityStatus;
    rebootRequired: boolean;
    customValue?: CustomFieldValue[];
    managementServerIp?: string since 2.5;
    maxEVCModeKey?: string since 4.0;
    currentEVCModeKey?: string since 4.0;
    currentEVCGraphicsModeKey?: string since 7.0.1.0;
    gateway?: HostListSummaryGatewaySummary since 6.0;
    tpmAttestation?: HostTpmAttestationInfo since 6.7;
    trustAuthorityAttestationInfos?: HostTrustAuthorityAttestationInfo[] since 7.0.1.0;
}

data HostHardwareSummary {
    vendor: string;
    model: string;
    family?: string since 9.0.0.0;
    uuid: string;
    otherIdentifyingInfo?: HostSystemIdentificationInfo[] since 2.5;
    memorySize: long;
    cpuModel: string;
    cpuMhz: int;
    numCpuPkgs: short;
    numCpuCores: short;
    numCpuThreads: short;
    numNics: int;
    numHBAs: int;
}

data HostConfigSummary {
    name: string;
    port: int;
    sslThumbprint?: string since 4.0;
    sslCertificate?: string since 9.0.0.0;
    product?: AboutInfo;
    vmotionEnabled: boolean;
    faultToleranceEnabled: boolean since 4.0;
    featureVersion?: HostFeatureVersionInfo[] since 4.1;
    agentVmDatastore?: ref Datastore since 5.0;
    agentVmNetwork?: ref Network since 5.0;
}

data HostListSummaryQuickStats {
    overallCpuUsage?: int;
    overallMemoryUsage?: int;
    distributedCpuFairness?: int;
    distributedMemoryFairness?: int;
    availablePMemCapacity?: int since 6.7;
    uptime?: int since 4.1;
}

data HostRuntimeInfo {
    connectionState: HostSystemConnectionState;
    powerState: HostSystemPowerState since 2.5;
    standbyMode?: string since 4.1;
    inMaintenanceMode: boolean;
    inQuarantineMode?: boolean since 6.5;
    bootTime?: dateTime;
}

data HostConfigInfo {
    host: ref HostSystem;
    product: AboutInfo;
    storageDevice?: HostStorageDeviceInfo;
    fileSystemVolume?: HostFileSystemVolumeInfo;
    network?: HostNetworkInfo;
    virtualNicManagerInfo?: HostVirtualNicManagerInfo since 4.0;
    service?: HostServiceInfo;
    option?: OptionValue[];
    dateTimeInfo?: HostDateTimeInfo since 2.5;
    certificate?: byte[] since 5.0;
}

data HostVirtualNicManagerInfo since 4.0 { netConfig?: VirtualNicManagerNetConfig[]; }

data VirtualNicManagerNetConfig since 4.0 {
    nicType: string;
    multiSelectAllowed: boolean;
    candidateVnic?: HostVirtualNic[];
    selectedVnic?: string[];
}

data HostVirtualNic {
    device: string;
    key: string;
    portgroup: string;
    spec: HostVirtualNicSpec;
    port?: HostPortGroupPort;
    owner?: string since 9.0.0.0;
}

data HostVirtualNicSpec {
    ip?: HostIpConfig;
    mac?: string;
    distributedVirtualPort?: DistributedVirtualSwitchPortConnection since 4.0;
    portgroup?: string since 4.0;
    mtu?: int since 4.0;
    tsoEnabled?: boolean since 4.0;
    netStackInstanceKey?: string since 5.5;
    opaqueNetwork?: HostVirtualNicOpaqueNetworkSpec since 6.0;
    externalId?: string since 6.0;
    pinnedPnic?: string since 6.0;
    ipRouteSpec?: HostVirtualNicIpRouteSpec since 6.5;
    systemOwned?: boolean since 7.0.0.0;
    dpuId?: string since 8.0.0.1;
}

data HostIpConfig {
    dhcp: boolean;
    ipAddress?: string;
    subnetMask?: string;
    ipV6Config?: HostIpConfigIpV6AddressConfiguration since 4.0;
}

data HostHardwareInfo {
    systemInfo: HostSystemInfo;
    cpuInfo: HostCpuInfo;
    cpuPkg: HostCpuPackage[];
    memorySize: long;
    smcPresent: boolean since 5.0;
    biosInfo?: HostBIOSInfo since 2.5;
}

data HostSystemInfo {
    vendor: string;
    model: string;
    uuid: string;
    otherIdentifyingInfo?: HostSystemIdentificationInfo[] since 2.5;
    serialNumber?: string since 6.7;
}

data HostSystemIdentificationInfo since 2.5 {
    identifierValue: string;
    identifierType: ElementDescription;
}

data HostCpuInfo {
    numCpuPackages: short;
    numCpuCores: short;
    numCpuThreads: short;
    hz: long;
}

data HostCpuPackage {
    index: short;
    vendor: string;
    hz: long;
    busHz: long;
    description: string;
    threadId: short[];
}

data HostBIOSInfo since 2.5 {
    biosVersion?: string;
    releaseDate?: dateTime;
}

data HostLicensableResourceInfo since 5.0 { resource: KeyAnyValue[]; }

data HostConfigManager {
    datastoreSystem?: ref HostDatastoreSystem;
    networkSystem?: ref HostNetworkSystem;
    virtualNicManager?: ref HostVirtualNicManager since 4.0;
    serviceSystem?: ref HostServiceSystem;
    advancedOption?: ref OptionManager;
    accountManager?: ref HostLocalAccountManager since 6.0;
}

object HostDatastoreSystem { }
object HostNetworkSystem extends ExtensibleManagedObject { }
object HostVirtualNicManager extends ExtensibleManagedObject since 4.0 { }
object HostServiceSystem extends ExtensibleManagedObject { }

data HostConnectInfo {
    serverIp?: string;
    host: HostListSummary;
    vm?: VirtualMachineSummary[];
    vimAccountNameRequired?: boolean;
    clusterSupported?: boolean;
}
