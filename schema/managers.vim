# Managers with a small part of their interface, and the types that go with it.

# ---- options ----

object OptionManager needs System.Read {
    supportedOption?: OptionDef[];
    setting?: OptionValue[];

    QueryOptions(name?: string) -> OptionValue[]?
        needs System.View
        faults InvalidName;

    UpdateOptions(changedValue: OptionValue[]) -> void
        needs Global.Settings
        faults InvalidName;
}

data BoolOption extends OptionType {
    supported: boolean;
    defaultValue: boolean;
}

data IntOption extends OptionType {
    min: int;
    max: int;
    defaultValue: int;
}

data LongOption extends OptionType {
    min: long;
    max: long;
    defaultValue: long;
}

data StringOption extends OptionType {
    defaultValue: string;
    validCharacters?: string;
}

# ---- licences ----

object LicenseManager needs System.View {
    sourceAvailable: boolean;
    licensedEdition: string needs System.View;
    licenses: LicenseManagerLicenseInfo[] needs Global.Licenses since 4.0;
    licenseAssignmentManager?: ref LicenseAssignmentManager since 4.0;
    evaluation: LicenseManagerEvaluationInfo since 4.0;
}

object LicenseAssignmentManager since 4.0 { }
data LicenseManagerEvaluationInfo since 4.0 { properties: KeyAnyValue[]; }

# ---- users ----

object UserDirectory needs System.View {
    domainList?: string[];

    RetrieveUserGroups(domain?: string, searchStr: string, belongsToGroup?: string,
            belongsToUser?: string, exactMatch: boolean, findUsers: boolean,
            findGroups: boolean) -> UserSearchResult[]?
        needs System.View
        faults NotFound;
}

data UserSearchResult {
    principal: string;
    fullName?: string;
    group: boolean;
}

data PosixUserSearchResult extends UserSearchResult {
    id: int;
    shellAccess?: boolean;
}

object HostLocalAccountManager {
    CreateUser(user: HostAccountSpec) -> void
        needs Host.Local.ManageUserGroups
        faults AlreadyExists;

    UpdateUser(user: HostAccountSpec) -> void
        needs Host.Local.ManageUserGroups
        faults NotFound, AlreadyExists;

    RemoveUser(userName: string) -> void
        needs Host.Local.ManageUserGroups
        faults UserNotFound, SecurityError;

    CreateGroup(group: HostAccountSpec) -> void
        needs Host.Local.ManageUserGroups
        faults AlreadyExists;

    RemoveGroup(groupName: string) -> void
        needs Host.Local.ManageUserGroups
        faults UserNotFound;

    AssignUserToGroup(user: string, group: string) -> void
        needs Host.Local.ManageUserGroups
        faults UserNotFound, AlreadyExists;

    UnassignUserFromGroup(user: string, group: string) -> void
        needs Host.Local.ManageUserGroups
        faults UserNotFound;

    ChangePassword(user: string, oldPassword: string secret, newPassword: string secret) -> void
        since 6.7.2 anonymous
        faults InvalidLogin, UserNotFound;
}

data HostAccountSpec {
    id: string;
    password?: string secret;
    description?: string;
}

data HostPosixAccountSpec extends HostAccountSpec {
    posixId?: int;
    shellAccess?: boolean;
}

# ---- custom fields and extensions ----

object CustomFieldsManager needs System.View {
    field?: CustomFieldDef[];

    AddCustomFieldDef(name: string, moType?: typeName since 2.5,
            fieldDefPolicy?: PrivilegePolicyDef since 2.5,
            fieldPolicy?: PrivilegePolicyDef since 2.5) -> CustomFieldDef
        needs Global.ManageCustomFields
        faults DuplicateName, InvalidPrivilege;

    RemoveCustomFieldDef(key: int) -> void
        needs Global.ManageCustomFields;

    RenameCustomFieldDef(key: int, name: string) -> void
        needs Global.ManageCustomFields
        faults DuplicateName;

    SetField(entity: ref ManagedEntity needs Global.SetCustomField, key: int, value: string) -> void;
}

data PrivilegePolicyDef {
    createPrivilege: string;
    readPrivilege: string;
    updatePrivilege: string;
    deletePrivilege: string;
}

object ExtensionManager since 2.5 needs System.View {
    extensionList?: Extension[];

    FindExtension(extensionKey: string) -> Extension?
        needs System.View;
}

data Extension since 2.5 {
    description: Description;
    key: string;
    company?: string since 4.0;
    type?: string since 4.0;
    version: string;
    subjectName?: string;
    lastHeartbeatTime: dateTime;
}

# ---- services, performance, messages ----

object ServiceManager needs System.View {
    service?: ServiceManagerServiceInfo[];

    QueryServiceList(serviceName?: string, location?: string[]) -> ServiceManagerServiceInfo[]?
        needs Global.ServiceManagers;
}

data ServiceManagerServiceInfo {
    serviceName: string;
    location?: string[];
    service: ref any;
    description: string;
}

enum PerfSummaryType { average; maximum; minimum; latest; summation; none; }
enum PerfStatsType { absolute; delta; rate; }

object PerformanceManager needs System.View {
    description: PerformanceDescription;
    historicalInterval?: PerfInterval[];
    perfCounter?: PerfCounterInfo[];

    QueryPerfProviderSummary(entity: ref any needs System.Read) -> PerfProviderSummary
        needs System.View;

    QueryAvailablePerfMetric(entity: ref any needs System.Read, beginTime?: dateTime,
            endTime?: dateTime, intervalId?: int) -> PerfMetricId[]?
        needs System.View;

    QueryPerfCounter(counterId: int[]) -> PerfCounterInfo[]?
        needs System.View;

    QueryPerfCounterByLevel(level: int) -> PerfCounterInfo[]?
        needs System.View since 2.5;

    QueryPerf(querySpec: PerfQuerySpec[]) -> PerfEntityMetricBase[]?
        needs System.View;
}

data PerformanceDescription {
    counterType: ElementDescription[];
    statsType: ElementDescription[];
}

data PerfInterval {
    key: int;
    samplingPeriod: int;
    name: string;
    length: int;
    level?: int since 2.5;
    enabled: boolean since 2.5;
}

data PerfCounterInfo {
    key: int;
    nameInfo: ElementDescription;
    groupInfo: ElementDescription;
    unitInfo: ElementDescription;
    rollupType: PerfSummaryType;
    statsType: PerfStatsType;
    level?: int since 2.5;
    perDeviceLevel?: int since 4.1;
    associatedCounterId?: int[];
}

data PerfMetricId {
    counterId: int;
    instance: string;
}

data PerfProviderSummary {
    entity: ref any;
    currentSupported: boolean;
    summarySupported: boolean;
    refreshRate?: int;
}

data PerfQuerySpec {
    entity: ref any;
    startTime?: dateTime;
    endTime?: dateTime;
    maxSample?: int;
    metricId?: PerfMetricId[];
    intervalId?: int;
    format?: string;
}

data PerfEntityMetricBase { entity: ref any; }

data PerfEntityMetric extends PerfEntityMetricBase {
    sampleInfo?: PerfSampleInfo[];
    value?: PerfMetricSeries[];
}

data PerfSampleInfo {
    timestamp: dateTime;
    interval: int;
}

data PerfMetricSeries { id: PerfMetricId; }
data PerfMetricIntSeries extends PerfMetricSeries { value?: long[]; }

object LocalizationManager since 4.0 needs System.View {
    catalog?: LocalizationManagerMessageCatalog[];
}

data LocalizationManagerMessageCatalog since 4.0 {
    moduleName: string;
    catalogName: string;
    locale: string;
    catalogUri: string;
    lastModified?: dateTime;
    md5sum?: string;
    version?: string since 5.0;
}

# ---- named by references, not offered by this host ----

object Alarm extends ExtensibleManagedObject { }
object AlarmManager { }
object CertificateManager since 6.0 { }
object ClusterProfileManager since 4.0 { }
object CryptoManager since 6.5 { }
object CustomizationSpecManager { }
object DatastoreNamespaceManager since 5.5 { }
object DiagnosticManager { }
object DirectPathProfileManager since 9.0.0.0 { }
object DistributedVirtualSwitchManager since 4.0 { }
object FailoverClusterConfigurator since 6.5 { }
object FailoverClusterManager since 6.5 { }
object HealthUpdateManager since 6.5 { }
object HostProfileManager since 4.0 { }
object HostSnmpSystem since 2.5 { }
object HostSpecificationManager since 6.5 { }
object HttpNfcLease since 4.0 { }
object IoFilterManager since 6.0 { }
object IpPoolManager since 4.0 { }
object OverheadMemoryManager since 6.0 { }
object ProfileComplianceManager since 4.0 { }
object ScheduledTask extends ExtensibleManagedObject { }
object ScheduledTaskManager { }
object SiteInfoManager since 7.0.0.0 { }
object StorageQueryManager since 6.7.2 { }
object StorageResourceManager since 4.1 { }
object TenantTenantManager since 6.9.1 { }
object VStorageObjectManagerBase since 6.5 { }
object VirtualMachineCompatibilityChecker since 4.0 { }
object VirtualMachineGuestCustomizationManager since 6.8.7 { }
object VirtualMachineProvisioningChecker since 4.0 { }
object VirtualizationManager since 2.5 { }
