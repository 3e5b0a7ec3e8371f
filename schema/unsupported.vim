# Methods that this host knows by name, so that a client learns that they are not supported rather
# than that they do not exist.

extend VirtualMachine {
    ApplyEvcModeVM_Task(mask?: HostFeatureMask[], completeMasks?: boolean) -> task
        needs VirtualMachine.Config.Settings since 6.7;
    AttachDisk_Task(diskId: ID, datastore: ref Datastore, controllerKey?: int, unitNumber?: int)
            -> task
        needs VirtualMachine.Config.AddExistingDisk since 6.5;
    CheckCustomizationSpec(spec: CustomizationSpec) -> void
        needs VirtualMachine.Provisioning.Customize;
    CreateSecondaryVM_Task(host?: ref HostSystem) -> task of FaultToleranceSecondaryOpResult
        needs VirtualMachine.Interact.CreateSecondary since 4.0;
    CreateSecondaryVMEx_Task(host?: ref HostSystem, spec?: FaultToleranceConfigSpec)
            -> task of FaultToleranceSecondaryOpResult
        needs VirtualMachine.Interact.CreateSecondary since 6.0;
    CustomizeVM_Task(spec: CustomizationSpec) -> task
        needs VirtualMachine.Provisioning.Customize
        faults CustomizationFault;
    DefragmentAllDisks() -> void
        needs VirtualMachine.Interact.DefragmentAllDisks since 2.5
        faults TaskInProgress, FileFault, InvalidState;
    DetachDisk_Task(diskId: ID) -> task
        needs VirtualMachine.Config.RemoveDisk since 6.5;
    DropConnections(listOfConnections?: VirtualMachineConnection[]) -> boolean
        needs VirtualMachine.Interact.ConsoleInteract since 7.0.1.0;
    EstimateStorageForConsolidateSnapshots_Task() -> task of StorageRequirement[]
        needs VirtualMachine.State.RemoveSnapshot since 5.0;
    ExportVm() -> ref HttpNfcLease
        needs VApp.Export since 4.0
        faults TaskInProgress, InvalidState, FileFault;
    ExtractOvfEnvironment() -> string
        needs VApp.ExtractOvfEnvironment since 4.0
        faults InvalidState;
    InstantClone_Task(spec: VirtualMachineInstantCloneSpec) -> task of ref VirtualMachine
        needs VirtualMachine.Provisioning.Clone since 6.7;
    MigrateVM_Task(pool?: ref ResourcePool, host?: ref HostSystem,
            priority: VirtualMachineMovePriority, state?: VirtualMachinePowerState) -> task
        faults MigrationFault, InvalidState, Timedout;
    PromoteDisks_Task(unlink: boolean, disks?: VirtualDisk[]) -> task
        needs VirtualMachine.Provisioning.PromoteDisks since 4.0;
    PutUsbScanCodes(spec: UsbScanCodeSpec) -> int
        needs VirtualMachine.Interact.PutUsbScanCodes since 6.5;
    QueryChangedDiskAreas(snapshot?: ref VirtualMachineSnapshot, deviceKey: int, startOffset: long,
            changeId: string) -> DiskChangeInfo
        needs VirtualMachine.Provisioning.DiskRandomRead since 4.0
        faults FileFault, NotFound;
    QueryConnections() -> VirtualMachineConnection[]?
        needs VirtualMachine.Interact.ConsoleInteract since 7.0.1.0;
    QueryFaultToleranceCompatibility() -> LocalizedMethodFault[]?
        needs VirtualMachine.Config.QueryFTCompatibility since 4.1;
    QueryUnownedFiles() -> string[]?
        needs VirtualMachine.Config.QueryUnownedFiles since 4.0;
    RelocateVM_Task(spec: VirtualMachineRelocateSpec, priority?: VirtualMachineMovePriority) -> task
        needs Resource.ColdMigrate
        faults MigrationFault, InvalidState, Timedout;
    reloadVirtualMachineFromPath_Task(configurationPath: string) -> task
        needs VirtualMachine.Config.ReloadFromPath since 4.1;
    SendNMI() -> void
        needs VirtualMachine.Interact.GuestControl since 6.0
        faults InvalidState;
    SetDisplayTopology(displays: VirtualMachineDisplayTopology[]) -> void
        needs VirtualMachine.Interact.ConsoleInteract since 2.5u2server
        faults InvalidState, ToolsUnavailable;
}

extend HostSystem {
    AcquireCimServicesTicket() -> HostServiceTicket
        needs Host.Cim.CimInteraction since 2.5;
    DisconnectHost_Task() -> task needs Host.Config.Connection;
    EnterLockdownMode() -> void needs Host.Config.Settings since 4.1;
    EnterMaintenanceMode_Task(timeout: int, evacuatePoweredOffVms?: boolean,
            maintenanceSpec?: HostMaintenanceSpec since 5.5) -> task
        needs Host.Config.Maintenance
        faults Timedout, InvalidState;
    ExitLockdownMode() -> void needs Host.Config.Settings since 4.1;
    ExitMaintenanceMode_Task(timeout: int) -> task
        needs Host.Config.Maintenance
        faults Timedout, InvalidState;
    PowerDownHostToStandBy_Task(timeoutSec: int, evacuatePoweredOffVms?: boolean) -> task
        needs Host.Config.Maintenance since 2.5;
    PowerUpHostFromStandBy_Task(timeoutSec: int) -> task
        needs Host.Config.Maintenance since 2.5;
    QueryHostConnectionInfo() -> HostConnectInfo needs System.Read;
    QueryMemoryOverhead(memorySize: long, videoRamSize?: int, numVcpus: int) -> long
        needs System.Read;
    ReconnectHost_Task(cnxSpec?: HostConnectSpec, reconnectSpec?: HostSystemReconnectSpec since 5.0)
            -> task
        needs Host.Config.Connection;
    RebootHost_Task(force: boolean) -> task needs Host.Config.Maintenance;
    RetrieveHardwareUptime() -> long needs System.Read since 4.1;
    ShutdownHost_Task(force: boolean) -> task needs Host.Config.Maintenance;
}

extend Folder {
    AddStandaloneHost_Task(spec: HostConnectSpec, compResSpec?: ComputeResourceConfigSpec since 2.5,
            addConnected: boolean, license?: string since 4.0) -> task of ref ComputeResource
        needs Host.Inventory.AddStandaloneHost
        faults InvalidLogin, DuplicateName;
    CreateClusterEx(name: string, spec: ClusterConfigSpecEx) -> ref ClusterComputeResource
        needs Host.Inventory.CreateCluster since 2.5
        faults DuplicateName, InvalidName;
    CreateDVS_Task(spec: DVSCreateSpec) -> task of ref DistributedVirtualSwitch
        needs DVSwitch.Create since 4.0;
    CreateDatacenter(name: string) -> ref Datacenter
        needs Datacenter.Create
        faults DuplicateName, InvalidName;
    CreateStoragePod(name: string) -> ref StoragePod
        needs Folder.Create since 5.0
        faults DuplicateName, InvalidName;
    UnregisterAndDestroy_Task() -> task
        needs Folder.Delete
        faults InvalidState, ConcurrentAccess;
}

extend Datacenter {
    ReconfigureDatacenter_Task(spec: DatacenterConfigSpec, modify: boolean) -> task
        needs Datacenter.Reconfigure since 5.1;
    queryDatacenterConfigOptionDescriptor() -> VirtualMachineConfigOptionDescriptor[]?
        needs System.View since 5.1;
}

extend ComputeResource {
    ReconfigureComputeResource_Task(spec: ComputeResourceConfigSpec, modify: boolean) -> task
        needs Host.Inventory.EditCluster since 2.5;
}

extend ResourcePool {
    CreateChildVM_Task(config: VirtualMachineConfigSpec, host?: ref HostSystem)
            -> task of ref VirtualMachine
        needs VirtualMachine.Inventory.Create since 4.0;
    CreateResourcePool(name: string, spec: ResourceConfigSpec) -> ref ResourcePool
        needs Resource.CreatePool
        faults DuplicateName, InvalidName;
    CreateVApp(name: string, resSpec: ResourceConfigSpec, configSpec: VAppConfigSpec,
            vmFolder?: ref Folder) -> ref VirtualApp
        needs VApp.Create since 4.0;
    DestroyChildren() -> void;
    ImportVApp(spec: ImportSpec, folder?: ref Folder, host?: ref HostSystem) -> ref HttpNfcLease
        needs VApp.Import since 4.0;
    MoveIntoResourcePool(list: ref ManagedEntity[]) -> void;
    QueryResourceConfigOption() -> ResourceConfigOption needs Resource.EditPool since 4.1;
    RefreshRuntime() -> void needs System.View since 4.1;
    RegisterChildVM_Task(path: string, name?: string, host?: ref HostSystem)
            -> task of ref VirtualMachine
        needs VirtualMachine.Inventory.Register since 4.0;
    UpdateChildResourceConfiguration(spec: ResourceConfigSpec[]) -> void;
    UpdateConfig(name?: string, config?: ResourceConfigSpec) -> void;
}

extend Datastore {
    DatastoreEnterMaintenanceMode() -> StoragePlacementResult
        needs Datastore.Config since 5.0;
    DatastoreExitMaintenanceMode_Task() -> task needs Datastore.Config since 5.0;
    DestroyDatastore() -> void needs Datastore.Delete;
    RefreshDatastore() -> void needs System.Read;
    RefreshDatastoreStorageInfo() -> void needs System.Read since 4.0;
    RenameDatastore(newName: string) -> void
        needs Datastore.Rename
        faults DuplicateName, InvalidName;
}

extend Network {
    DestroyNetwork() -> void needs Network.Delete;
}

extend EnvironmentBrowser {
    QueryTargetCapabilities(host?: ref HostSystem) -> HostCapability?
        needs System.View since 4.0;
}
