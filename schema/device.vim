enum VirtualEthernetCardMacType { manual; generated; assigned; }
enum VirtualSCSISharing { noSharing; virtualSharing; physicalSharing; }

enum VirtualDiskMode {
    persistent; nonpersistent; undoable; independent_persistent; independent_nonpersistent;
    append;
}

enum VirtualDeviceConfigSpecFileOperation { create; destroy; replace; }
enum VirtualDeviceConfigSpecOperation { add; remove; edit; }

data VirtualDevice {
    key: int;
    deviceInfo?: Description;
    backing?: VirtualDeviceBackingInfo;
    connectable?: VirtualDeviceConnectInfo;
    slotInfo?: VirtualDeviceBusSlotInfo since 5.1;
    controllerKey?: int;
    unitNumber?: int;
    numaNode?: int since 8.0.0.1;
    deviceGroupInfo?: VirtualDeviceDeviceGroupInfo since 8.0.0.1;
}

data VirtualDeviceBackingInfo { }

data VirtualDeviceFileBackingInfo extends VirtualDeviceBackingInfo {
    fileName: string;
    datastore?: ref Datastore;
    backingObjectId?: string since 5.5;
}

data VirtualDeviceDeviceBackingInfo extends VirtualDeviceBackingInfo {
    deviceName: string;
    useAutoDetect?: boolean since 2.5;
}

data VirtualDeviceRemoteDeviceBackingInfo extends VirtualDeviceBackingInfo {
    deviceName: string;
    useAutoDetect?: boolean since 2.5;
}

data VirtualDeviceConnectInfo {
    migrateConnect?: string since 6.7;
    startConnected: boolean;
    allowGuestControl: boolean;
    connected: boolean;
    status?: string since 4.0;
}

data VirtualController extends VirtualDevice {
    busNumber: int;
    device?: int[];
}

data VirtualSCSIController extends VirtualController {
    hotAddRemove?: boolean;
    sharedBus: VirtualSCSISharing;
    scsiCtlrUnitNumber?: int;
}

data ParaVirtualSCSIController extends VirtualSCSIController since 2.5u2server { }
data VirtualLsiLogicController extends VirtualSCSIController { }
data VirtualIDEController extends VirtualController { }
data VirtualPCIController extends VirtualController { }

data VirtualDisk extends VirtualDevice {
    capacityInKB: long;
    capacityInBytes?: long since 5.5;
    shares?: SharesInfo;
    storageIOAllocation?: StorageIOAllocationInfo since 4.1;
    diskObjectId?: string since 5.5;
    vFlashCacheConfigInfo?: VirtualDiskVFlashCacheConfigInfo since 5.5;
    iofilter?: string[] since 6.0;
    vDiskId?: ID since 6.5;
    vDiskVersion?: int since 8.0.1.0;
    virtualDiskFormat?: string since 9.0.0.0;
    nativeUnmanagedLinkedClone?: boolean since 6.7;
    independentFilters?: VirtualMachineBaseIndependentFilterSpec[] since 7.0.2.1;
    guestReadOnly?: boolean since 8.0.2.0;
}

data VirtualDiskFlatVer2BackingInfo extends VirtualDeviceFileBackingInfo {
    diskMode: string;
    split?: boolean;
    writeThrough?: boolean;
    thinProvisioned?: boolean;
    eagerlyScrub?: boolean since 4.0;
    uuid?: string since 2.5;
    contentId?: string since 4.0;
    changeId?: string since 4.0;
    parent?: VirtualDiskFlatVer2BackingInfo since 4.0;
    deltaDiskFormat?: string since 5.0;
    digestEnabled?: boolean since 5.0;
    deltaGrainSize?: int since 5.1;
    deltaDiskFormatVariant?: string since 6.0;
    sharing?: string since 6.0;
    keyId?: CryptoKeyId since 6.5;
}

data VirtualCdrom extends VirtualDevice { }
data VirtualCdromIsoBackingInfo extends VirtualDeviceFileBackingInfo { }

data VirtualCdromRemotePassthroughBackingInfo extends VirtualDeviceRemoteDeviceBackingInfo {
    exclusive: boolean;
}

data VirtualEthernetCard extends VirtualDevice {
    addressType?: string;
    macAddress?: string;
    wakeOnLanEnabled?: boolean;
    resourceAllocation?: VirtualEthernetCardResourceAllocation since 6.0;
    externalId?: string since 6.0;
    uptCompatibilityEnabled?: boolean since 6.0;
    subnetId?: string since 9.0.0.0;
}

data VirtualVmxnet extends VirtualEthernetCard { }

data VirtualVmxnet3 extends VirtualVmxnet since 2.5u2server {
    uptv2Enabled?: boolean since 8.0.0.1;
    strictLatencyConfig?: VirtualVmxnet3StrictLatencyConfig since 8.0.3.1;
}

data VirtualE1000 extends VirtualEthernetCard { }

data VirtualEthernetCardNetworkBackingInfo extends VirtualDeviceDeviceBackingInfo {
    network?: ref Network;
    inPassthroughMode?: boolean since 2.5u2server;
}

data VirtualMachineVMCIDevice extends VirtualDevice since 2.5u2server {
    id?: long;
    allowUnrestrictedCommunication?: boolean;
    filterEnable?: boolean since 6.0;
    filterInfo?: VirtualMachineVMCIDeviceFilterInfo since 6.0;
}

# Further devices that clients put into configurations.

data VirtualLsiLogicSASController extends VirtualSCSIController since 2.5u2server { }
data VirtualBusLogicController extends VirtualSCSIController { }
data VirtualSATAController extends VirtualController since 5.5 { }
data VirtualAHCIController extends VirtualSATAController since 5.5 { }
data VirtualNVMEController extends VirtualController since 6.5 { }
data VirtualPS2Controller extends VirtualController { }
data VirtualSIOController extends VirtualController { }

data VirtualUSBController extends VirtualController {
    autoConnectDevices?: boolean;
    ehciEnabled?: boolean since 2.5;
}

data VirtualUSBXHCIController extends VirtualController since 5.0 {
    autoConnectDevices?: boolean;
}

data VirtualE1000e extends VirtualEthernetCard since 5.0 { }
data VirtualPCNet32 extends VirtualEthernetCard { }
data VirtualVmxnet2 extends VirtualVmxnet since 2.5 { }
data VirtualFloppy extends VirtualDevice { }
data VirtualFloppyImageBackingInfo extends VirtualDeviceFileBackingInfo { }
data VirtualFloppyRemoteDeviceBackingInfo extends VirtualDeviceRemoteDeviceBackingInfo { }
data VirtualKeyboard extends VirtualDevice { }
data VirtualPointingDevice extends VirtualDevice { }
data VirtualPointingDeviceDeviceBackingInfo extends VirtualDeviceDeviceBackingInfo {
    hostPointingDevice: string;
}
data VirtualMachineVideoCard extends VirtualDevice {
    videoRamSizeInKB?: long;
    numDisplays?: int since 2.5u2server;
    useAutoDetect?: boolean since 2.5u2server;
    enable3DSupport?: boolean since 2.5u2server;
    use3dRenderer?: string since 5.1;
    graphicsMemorySizeInKB?: long since 6.0;
}
data VirtualSerialPort extends VirtualDevice { yieldOnPoll: boolean; }
data VirtualTPM extends VirtualDevice since 6.7 {
    endorsementKeyCertificateSigningRequest?: base64Binary[];
    endorsementKeyCertificate?: base64Binary[];
}
data VirtualCdromAtapiBackingInfo extends VirtualDeviceDeviceBackingInfo { }
data VirtualCdromPassthroughBackingInfo extends VirtualDeviceDeviceBackingInfo { exclusive: boolean; }
data VirtualCdromRemoteAtapiBackingInfo extends VirtualDeviceRemoteDeviceBackingInfo { }
data VirtualEthernetCardOpaqueNetworkBackingInfo extends VirtualDeviceBackingInfo since 5.5 {
    opaqueNetworkId: string;
    opaqueNetworkType: string;
}
data VirtualEthernetCardDistributedVirtualPortBackingInfo extends VirtualDeviceBackingInfo since 4.0 {
    port: DistributedVirtualSwitchPortConnection;
}
