# Files in datastores, and what a compute resource can offer to a virtual machine.

object FileManager since 2.5 {
    MakeDirectory(name: string, datacenter?: ref Datacenter, createParentDirectories?: boolean)
            -> void
        needs System.View
        faults CannotCreateFile, FileFault, InvalidDatastore;

    DeleteDatastoreFile_Task(name: string, datacenter?: ref Datacenter) -> task
        needs System.View
        faults FileFault, InvalidDatastore;

    MoveDatastoreFile_Task(sourceName: string, sourceDatacenter?: ref Datacenter,
            destinationName: string, destinationDatacenter?: ref Datacenter, force?: boolean)
            -> task
        needs System.View
        faults FileFault, InvalidDatastore;

    CopyDatastoreFile_Task(sourceName: string, sourceDatacenter?: ref Datacenter,
            destinationName: string, destinationDatacenter?: ref Datacenter, force?: boolean)
            -> task
        needs System.View
        faults FileFault, InvalidDatastore;
}

object VirtualDiskManager since 2.5 {
    CreateVirtualDisk_Task(name: string, datacenter?: ref Datacenter, spec: VirtualDiskSpec)
            -> task of string
        needs System.View
        faults FileFault, InvalidDatastore;

    DeleteVirtualDisk_Task(name: string, datacenter?: ref Datacenter) -> task
        needs System.View
        faults FileFault, InvalidDatastore;
}

data VirtualDiskSpec since 2.5 {
    diskType: string;
    adapterType: string;
}

object OvfManager since 4.0 { }

object HostDatastoreBrowser needs System.View {
    datastore?: ref Datastore[];
    supportedType?: FileQuery[];

    SearchDatastore_Task(datastorePath: string, searchSpec?: HostDatastoreBrowserSearchSpec)
            -> task of HostDatastoreBrowserSearchResults
        faults FileFault, InvalidDatastore;

    SearchDatastoreSubFolders_Task(datastorePath: string,
            searchSpec?: HostDatastoreBrowserSearchSpec)
            -> task of HostDatastoreBrowserSearchResults[]
        faults FileFault, InvalidDatastore;

    DeleteFile(datastorePath: string) -> void
        needs Datastore.DeleteFile
        faults FileFault, InvalidDatastore;
}

data FileQuery { }
data FolderFileQuery extends FileQuery { }
data IsoImageFileQuery extends FileQuery { }
data VmConfigFileQuery extends FileQuery { }
data VmDiskFileQuery extends FileQuery { }
data VmLogFileQuery extends FileQuery { }
data VmNvramFileQuery extends FileQuery { }
data VmSnapshotFileQuery extends FileQuery { }

data FileQueryFlags {
    fileType: boolean;
    fileSize: boolean;
    modification: boolean;
    fileOwner: boolean since 4.0 default;
}

data FolderFileInfo extends FileInfo { }
data IsoImageFileInfo extends FileInfo { }
data VmConfigFileInfo extends FileInfo { configVersion?: int; }
data VmDiskFileInfo extends FileInfo {
    diskType?: typeName;
    capacityKb?: long;
    hardwareVersion?: int;
    controllerType?: typeName since 2.5;
    diskExtents?: string[] since 2.5;
    thin?: boolean since 4.0;
}
data VmLogFileInfo extends FileInfo { }
data VmNvramFileInfo extends FileInfo { }
data VmSnapshotFileInfo extends FileInfo { }

object EnvironmentBrowser needs System.View {
    datastoreBrowser?: ref HostDatastoreBrowser;

    QueryConfigOptionDescriptor() -> VirtualMachineConfigOptionDescriptor[]?
        needs System.View;

    QueryConfigOption(key?: string, host?: ref HostSystem) -> VirtualMachineConfigOption?
        needs System.View;

    QueryConfigOptionEx(spec?: EnvironmentBrowserConfigOptionQuerySpec)
            -> VirtualMachineConfigOption?
        needs System.View since 6.0;

    QueryConfigTarget(host?: ref HostSystem) -> ConfigTarget?
        needs System.View;
}

data EnvironmentBrowserConfigOptionQuerySpec since 6.0 {
    key?: string;
    host?: ref HostSystem;
    guestId?: string[];
}

data ConfigTarget {
    numCpus: int;
    numCpuCores: int;
    numNumaNodes: int;
    maxCpusPerHost?: int since 7.0.0.0;
    smcPresent: boolean since 5.0;
    maxMemMBOptimalPerf: int;
    supportedMaxMemMB?: int since 7.0.0.0;
    autoVmotion?: boolean;
}

data VirtualHardwareOption {
    hwVersion: int;
    virtualDeviceOption: VirtualDeviceOption[];
    deviceListReadonly: boolean;
    numCPU: int[];
    numCoresPerSocket: IntOption since 5.0;
    numCpuReadonly: boolean;
    memoryMB: LongOption;
    numPCIControllers: IntOption;
    numIDEControllers: IntOption;
    numUSBControllers: IntOption;
    numUSBXHCIControllers: IntOption since 5.0;
    numSIOControllers: IntOption;
    numPS2Controllers: IntOption;
    licensingLimit?: propertyPath[];
    numSupportedWwnPorts?: IntOption since 4.0;
    numSupportedWwnNodes?: IntOption since 4.0;
    resourceConfigOption: ResourceConfigOption since 4.1;
}

data ResourceConfigOption since 4.1 {
    cpuAllocationOption: ResourceAllocationOption;
    memoryAllocationOption: ResourceAllocationOption;
}

data ResourceAllocationOption since 4.1 { sharesOption: SharesOption; }

data SharesOption since 4.1 {
    sharesOption: IntOption;
    defaultLevel: SharesLevel;
}

data DatastoreOption { unsupportedVolumes?: VirtualMachineDatastoreVolumeOption[]; }

data VirtualMachineDatastoreVolumeOption {
    fileSystemType: typeName;
    majorVersion?: int;
}
