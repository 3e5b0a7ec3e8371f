enum DatastoreSummaryMaintenanceModeState { normal; enteringMaintenance; inMaintenance; }
enum SharesLevel { low; normal; high; custom; }
enum ManagedEntityStatus { gray; green; yellow; red; }

object ExtensibleManagedObject needs System.Read {
    value?: CustomFieldValue[] since 2.5;
    availableField?: CustomFieldDef[] since 2.5;

    setCustomValue(key: string, value: string) -> void
        since 2.5;
}

object ManagedEntity extends ExtensibleManagedObject needs System.Read {
    parent?: ref ManagedEntity needs System.View;
    customValue?: CustomFieldValue[];
    overallStatus: ManagedEntityStatus;
    configStatus: ManagedEntityStatus;
    configIssue?: Event[];
    effectiveRole?: int[] needs System.View;
    permission?: Permission[];
    name: string needs System.View;
    disabledMethod?: methodName[];
    recentTask?: ref Task[];
    declaredAlarmState?: AlarmState[];
    triggeredAlarmState?: AlarmState[];
    alarmActionsEnabled?: boolean since 4.0;
    tag?: Tag[] since 4.0;

    Reload() -> void
        needs System.Read;

    Rename_Task(newName: string) -> task
        faults DuplicateName, InvalidName;

    Destroy_Task() -> task
        faults VimFault;
}

object Folder extends ManagedEntity needs System.Read {
    childType?: typeName[] needs System.View;
    childEntity?: ref ManagedEntity[] needs System.View;
    namespace?: string since 7.0.0.0;
    externallyManagedFolderInfo?: FolderExternallyManagedFolderInfo since 9.0.0.0;

    CreateFolder(name: string) -> ref Folder
        needs Folder.Create
        faults DuplicateName, InvalidName;

    MoveIntoFolder_Task(list: ref ManagedEntity[]) -> task
        faults DuplicateName, InvalidFolder, InvalidState;

    CreateVM_Task(config: VirtualMachineConfigSpec,
            pool: ref ResourcePool needs Resource.AssignVMToPool, host?: ref HostSystem) -> task of ref VirtualMachine
        needs VirtualMachine.Inventory.Create
        faults VmConfigFault, FileFault, OutOfBounds, DuplicateName, InvalidName,
            InvalidDatastore, InsufficientResourcesFault, AlreadyExists, InvalidState;

    RegisterVM_Task(path: string, name?: string, asTemplate: boolean,
            pool?: ref ResourcePool needs Resource.AssignVMToPool, host?: ref HostSystem) -> task of ref VirtualMachine
        needs VirtualMachine.Inventory.Register
        faults OutOfBounds, DuplicateName, AlreadyExists, InvalidDatastore, NotFound, InvalidName,
            VmConfigFault, InsufficientResourcesFault, FileFault, InvalidState;
}

object Datacenter extends ManagedEntity needs System.Read {
    vmFolder: ref Folder needs System.View;
    hostFolder: ref Folder needs System.View;
    datastoreFolder: ref Folder needs System.View since 4.0;
    networkFolder: ref Folder needs System.View since 4.0;
    datastore?: ref Datastore[] needs System.View;
    network?: ref Network[] needs System.View;
    configuration: DatacenterConfigInfo since 5.1;

    PowerOnMultiVM_Task(vm: ref VirtualMachine[] needs VirtualMachine.Interact.PowerOn,
            option?: OptionValue[] since 4.1) -> task of ClusterPowerOnVmResult
        needs System.View since 2.5;
}

object ComputeResource extends ManagedEntity needs System.Read {
    resourcePool?: ref ResourcePool;
    host?: ref HostSystem[] needs System.View;
    datastore?: ref Datastore[] needs System.View;
    network?: ref Network[] needs System.View;
    summary: ComputeResourceSummary;
    environmentBrowser?: ref EnvironmentBrowser;
    configurationEx: ComputeResourceConfigInfo since 2.5;
    lifecycleManaged?: boolean since 6.9.1;
    configManagerEnabled?: boolean since 8.0.0.0;
    networkBootMode?: string since 9.0.0.0;
}

object ResourcePool extends ManagedEntity needs System.Read {
    summary: ResourcePoolSummary;
    runtime: ResourcePoolRuntimeInfo;
    owner: ref ComputeResource;
    resourcePool?: ref ResourcePool[] needs System.View;
    vm?: ref VirtualMachine[] needs System.View;
    config: ResourceConfigSpec;
    namespace?: string since 7.0.0.0;
    childConfiguration?: ResourceConfigSpec[];
}

object Datastore extends ManagedEntity needs System.Read {
    info: DatastoreInfo;
    summary: DatastoreSummary;
    host?: DatastoreHostMount[];
    vm?: ref VirtualMachine[] needs System.View;
    browser: ref HostDatastoreBrowser needs System.View;
    capability: DatastoreCapability;
    iormConfiguration?: StorageIORMInfo since 4.1;
}

object Network extends ManagedEntity needs System.Read {
    summary: NetworkSummary;
    host?: ref HostSystem[] needs System.View;
    vm?: ref VirtualMachine[] needs System.View;
}

object HostSystem extends ManagedEntity needs System.Read {
    runtime: HostRuntimeInfo;
    summary: HostListSummary;
    hardware?: HostHardwareInfo;
    capability?: HostCapability;
    licensableResource: HostLicensableResourceInfo since 5.0;
    remediationState?: HostSystemRemediationState since 6.7;
    precheckRemediationResult?: ApplyHostProfileConfigurationSpec since 6.7;
    remediationResult?: ApplyHostProfileConfigurationResult since 6.7;
    complianceCheckState?: HostSystemComplianceCheckState since 6.7;
    complianceCheckResult?: ComplianceResult since 6.7;
    configManager: HostConfigManager;
    config?: HostConfigInfo;
    vm?: ref VirtualMachine[] needs System.View;
    datastore?: ref Datastore[] needs System.View;
    network?: ref Network[] needs System.View;
    datastoreBrowser: ref HostDatastoreBrowser;
    systemResources?: HostSystemResourceInfo;
    answerFileValidationState?: AnswerFileStatusResult since 6.7;
    answerFileValidationResult?: AnswerFileStatusResult since 6.7;
}

data CustomFieldDef {
    key: int;
    name: string;
    type: typeName;
    managedObjectType?: typeName since 2.5;
    fieldDefPrivileges?: PrivilegePolicyDef since 2.5;
    fieldInstancePrivileges?: PrivilegePolicyDef since 2.5;
}

data CustomFieldValue { key: int; }
data CustomFieldStringValue extends CustomFieldValue { value: string; }

data DatacenterConfigInfo since 5.1 {
    defaultHardwareVersionKey?: string;
    maximumHardwareVersionKey?: string since 7.0.2.0;
}

data ComputeResourceSummary {
    totalCpu: int;
    totalMemory: long;
    numCpuCores: short;
    numCpuThreads: short;
    effectiveCpu: int;
    effectiveMemory: long;
    numHosts: int;
    numEffectiveHosts: int;
    overallStatus: ManagedEntityStatus;
}

data ComputeResourceConfigInfo since 2.5 {
    vmSwapPlacement: string;
    spbmEnabled?: boolean since 5.0;
    defaultHardwareVersionKey?: string since 5.1;
    maximumHardwareVersionKey?: string since 7.0.2.0;
}

data ResourcePoolSummary {
    name: string;
    config: ResourceConfigSpec;
    runtime: ResourcePoolRuntimeInfo;
    quickStats?: ResourcePoolQuickStats since 4.0;
    configuredMemoryMB?: int since 4.0;
}

data ResourcePoolRuntimeInfo {
    memory: ResourcePoolResourceUsage;
    cpu: ResourcePoolResourceUsage;
    overallStatus: ManagedEntityStatus;
    sharesScalable?: string since 7.0.0.0;
}

data ResourcePoolResourceUsage {
    reservationUsed: long;
    reservationUsedForVm: long;
    unreservedForPool: long;
    unreservedForVm: long;
    overallUsage: long;
    maxUsage: long;
}

data ResourceConfigSpec {
    entity?: ref ManagedEntity;
    changeVersion?: string;
    lastModified?: dateTime;
    cpuAllocation: ResourceAllocationInfo;
    memoryAllocation: ResourceAllocationInfo;
    scaleDescendantsShares?: string since 7.0.0.0;
}

data ResourceAllocationInfo {
    reservation?: long;
    expandableReservation?: boolean;
    limit?: long;
    shares?: SharesInfo;
    overheadLimit?: long since 2.5;
}

data SharesInfo {
    shares: int;
    level: SharesLevel;
}

data DatastoreSummary {
    datastore?: ref Datastore;
    name: string;
    url: string;
    capacity: long;
    freeSpace: long;
    uncommitted?: long since 4.0;
    accessible: boolean;
    multipleHostAccess?: boolean;
    type: string;
    maintenanceMode?: string since 5.0;
}

data DatastoreInfo {
    name: string;
    url: string;
    freeSpace: long;
    maxFileSize: long;
    maxVirtualDiskCapacity?: long since 5.5;
    maxMemoryFileSize: long since 6.0;
    timestamp?: dateTime since 4.0;
    containerId?: string since 5.5;
    aliasOf?: string since 6.7.1;
    supportedVDiskFormats?: string[] since 9.0.0.0;
    logicalSectorSize?: int since 9.0.0.0;
    physicalSectorSize?: int since 9.0.0.0;
}

data VmfsDatastoreInfo extends DatastoreInfo {
    maxPhysicalRDMFileSize: long since 5.1;
    maxVirtualRDMFileSize: long since 5.1;
    vmfs?: HostVmfsVolume;
}

data LocalDatastoreInfo extends DatastoreInfo { path?: string; }

data DatastoreHostMount {
    key: ref HostSystem;
    mountInfo: HostMountInfo;
}

data HostMountInfo {
    path?: string;
    accessMode: string;
    mounted?: boolean since 5.0;
    accessible?: boolean since 2.5;
    inaccessibleReason?: string since 5.1;
    vmknicName?: string since 8.0.1.0;
    vmknicActive?: boolean since 8.0.1.0;
    mountFailedReason?: string since 8.0.0.1;
    numTcpConnections?: int since 8.0.1.0;
}

data DatastoreCapability {
    directoryHierarchySupported: boolean;
    rawDiskMappingsSupported: boolean;
    perFileThinProvisioningSupported: boolean;
    storageIORMSupported: boolean since 4.1;
    nativeSnapshotSupported: boolean since 5.1;
    topLevelDirectoryCreateSupported?: boolean since 5.5;
    seSparseSupported?: boolean since 5.5;
    vmfsSparseSupported?: boolean since 6.5;
    vsanSparseSupported?: boolean since 6.5;
    upitSupported?: boolean since 6.5;
    vmdkExpandSupported?: boolean since 6.7;
    clusteredVmdkSupported?: boolean since 7.0.0.0;
}

data NetworkSummary {
    network?: ref Network;
    name: string;
    accessible: boolean;
    ipPoolName: string since 4.0;
    ipPoolId?: int since 5.1;
}

data HostDatastoreBrowserSearchSpec {
    query?: FileQuery[];
    details?: FileQueryFlags;
    searchCaseInsensitive?: boolean;
    matchPattern?: string[];
    sortFoldersFirst?: boolean;
}

data HostDatastoreBrowserSearchResults {
    datastore?: ref Datastore;
    folderPath?: string;
    file?: FileInfo[];
}

data FileInfo {
    path: string;
    friendlyName?: string since 6.5;
    fileSize?: long;
    modification?: dateTime;
    owner?: string since 4.0;
}

data ClusterPowerOnVmResult since 2.5 {
    attempted?: ClusterAttemptedVmInfo[];
    notAttempted?: ClusterNotAttemptedVmInfo[];
}

data ClusterAttemptedVmInfo since 2.5 {
    vm: ref VirtualMachine;
    task?: ref Task;
}

data ClusterNotAttemptedVmInfo since 2.5 {
    vm: ref VirtualMachine;
    fault: LocalizedMethodFault;
}

# Types that clients name in property filters; this host has no objects of them.

object ClusterComputeResource extends ComputeResource { }
object DistributedVirtualPortgroup extends Network since 4.0 { }
object DistributedVirtualSwitch extends ManagedEntity since 4.0 { }
object OpaqueNetwork extends Network since 5.5 { }
object StoragePod extends Folder since 5.0 { }
object VirtualApp extends ResourcePool since 4.0 { }
