object ManagedObject {
    Fetch(prop: propertyPath) -> anyType?
        anonymous hidden;
}

data ServiceContent {
    rootFolder: ref Folder;
    propertyCollector: ref PropertyCollector;
    viewManager?: ref ViewManager since 2.5;
    about: AboutInfo;
    setting?: ref OptionManager;
    userDirectory?: ref UserDirectory;
    sessionManager?: ref SessionManager;
    authorizationManager?: ref AuthorizationManager;
    serviceManager?: ref ServiceManager since 5.1;
    perfManager?: ref PerformanceManager;
    scheduledTaskManager?: ref ScheduledTaskManager;
    alarmManager?: ref AlarmManager;
    eventManager?: ref EventManager;
    taskManager?: ref TaskManager;
    extensionManager?: ref ExtensionManager since 2.5;
    customizationSpecManager?: ref CustomizationSpecManager;
    guestCustomizationManager?: ref VirtualMachineGuestCustomizationManager since 6.8.7;
    customFieldsManager?: ref CustomFieldsManager;
    accountManager?: ref HostLocalAccountManager;
    diagnosticManager?: ref DiagnosticManager;
    licenseManager?: ref LicenseManager;
    searchIndex?: ref SearchIndex;
    fileManager?: ref FileManager since 2.5;
    datastoreNamespaceManager?: ref DatastoreNamespaceManager since 5.5;
    virtualDiskManager?: ref VirtualDiskManager since 2.5;
    virtualizationManager?: ref VirtualizationManager since 2.5;
    snmpSystem?: ref HostSnmpSystem since 4.0;
    vmProvisioningChecker?: ref VirtualMachineProvisioningChecker since 4.0;
    vmCompatibilityChecker?: ref VirtualMachineCompatibilityChecker since 4.0;
    ovfManager?: ref OvfManager since 4.0;
    ipPoolManager?: ref IpPoolManager since 4.0;
    dvSwitchManager?: ref DistributedVirtualSwitchManager since 4.0;
    hostProfileManager?: ref HostProfileManager since 4.0;
    clusterProfileManager?: ref ClusterProfileManager since 4.0;
    complianceManager?: ref ProfileComplianceManager since 4.0;
    localizationManager?: ref LocalizationManager since 4.0;
    storageResourceManager?: ref StorageResourceManager since 4.1;
    guestOperationsManager?: ref GuestOperationsManager since 5.0;
    overheadMemoryManager?: ref OverheadMemoryManager since 6.0;
    certificateManager?: ref CertificateManager since 6.0;
    ioFilterManager?: ref IoFilterManager since 6.0;
    vStorageObjectManager?: ref VStorageObjectManagerBase since 6.5;
    hostSpecManager?: ref HostSpecificationManager since 6.5;
    cryptoManager?: ref CryptoManager since 6.5;
    healthUpdateManager?: ref HealthUpdateManager since 6.5;
    failoverClusterConfigurator?: ref FailoverClusterConfigurator since 6.5;
    failoverClusterManager?: ref FailoverClusterManager since 6.5;
    tenantManager?: ref TenantTenantManager since 6.9.1;
    siteInfoManager?: ref SiteInfoManager since 7.0.0.0;
    storageQueryManager?: ref StorageQueryManager since 6.7.2;
    directPathProfileManager?: ref DirectPathProfileManager since 9.0.0.0;
}

data AboutInfo {
    name: string;
    fullName: string;
    vendor: string;
    version: string;
    patchLevel?: string since 7.0.2.0;
    build: string;
    localeVersion?: string;
    localeBuild?: string;
    osType: string;
    productLineId: string;
    apiType: string;
    apiVersion: string;
    instanceUuid?: string since 4.0;
    licenseProductName?: string since 4.0;
    licenseProductVersion?: string since 4.0;
}

data UserSession {
    key: string;
    userName: string;
    fullName: string;
    loginTime: dateTime;
    lastActiveTime: dateTime;
    locale: string;
    messageLocale: string;
    extensionSession: boolean since 5.0;
    ipAddress: string since 5.1;
    userAgent: string since 5.1;
    callCount: long since 5.1;
}

data LocalizableMessage {
    key: string;
    arg?: KeyAnyValue[];
    message?: string;
}

data KeyAnyValue {
    key: string;
    value: anyType;
}

data Description {
    label: string;
    summary: string;
}

data ElementDescription extends Description { key: string; }
data TypeDescription extends Description { key: typeName; }

data OptionValue {
    key: string;
    value?: anyType;
}

data OptionDef extends ElementDescription { optionType: OptionType; }
data OptionType { valueIsReadonly?: boolean; }

data SessionManagerLocalTicket {
    userName: string;
    passwordFilePath: string;
}

data LocalizedMethodFault {
    fault: MethodFault;
    localizedMessage?: string;
}
