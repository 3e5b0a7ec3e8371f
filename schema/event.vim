enum EventEventSeverity { error; warning; info; user; }
enum EventFilterSpecRecursionOption { self; children; all; }

object EventManager needs System.View {
    description: EventDescription;
    latestEvent?: Event;
    maxCollector: int;

    QueryEvents(filter: EventFilterSpec, eventViewSpec?: EventManagerEventViewSpec since 9.0.0.0) -> Event[]?
        needs System.View;

    CreateCollectorForEvents(filter: EventFilterSpec) -> ref EventHistoryCollector
        needs System.View
        faults InvalidState;

    LogUserEvent(entity: ref ManagedEntity needs Global.LogEvent, msg: string) -> void;

    PostEvent(eventToPost: Event, taskInfo?: TaskInfo) -> void
        needs Global.LogEvent since 2.5
        faults InvalidEvent;

    RetrieveArgumentDescription(eventTypeId: string) -> EventArgDesc[]?
        needs System.View since 4.0;
}

object EventHistoryCollector extends HistoryCollector needs System.View {
    latestPage?: Event[];
    initialized?: boolean since 8.0.3.0;

    ReadNextEvents(maxCount: int) -> Event[]?;

    ReadPreviousEvents(maxCount: int) -> Event[]?;
}

data TaskInfo {
    key: string;
    task: ref Task;
    description?: LocalizableMessage since 4.0;
    name?: methodName;
    descriptionId: string;
    entity?: ref ManagedEntity;
    entityName?: string;
    locked?: ref ManagedEntity[];
    state: TaskInfoState;
    cancelled: boolean;
    cancelable: boolean;
    error?: LocalizedMethodFault;
    result?: anyType;
    progress?: int;
    progressDetails?: KeyAnyValue[] since 8.0.1.0;
    reason: TaskReason;
    queueTime: dateTime;
    startTime?: dateTime;
    completeTime?: dateTime;
    eventChainId: int;
    changeTag?: string since 4.0;
    parentTaskKey?: string since 4.0;
    rootTaskKey?: string since 4.0;
    activationId?: string since 6.0;
}

data TaskReason { }
data TaskReasonUser extends TaskReason { userName: string; }
data TaskReasonSystem extends TaskReason { }

data TaskReasonSchedule extends TaskReason {
    name: string;
    scheduledTask: ref ScheduledTask;
}

data TaskReasonAlarm extends TaskReason {
    alarmName: string;
    alarm: ref Alarm;
    entityName: string;
    entity: ref ManagedEntity;
}

data TaskDescription {
    methodInfo: ElementDescription[];
    state: ElementDescription[];
    reason: TypeDescription[];
}

data TaskFilterSpec {
    entity?: TaskFilterSpecByEntity;
    time?: TaskFilterSpecByTime;
    userName?: TaskFilterSpecByUsername;
    activationId?: string[] since 6.0;
    state?: TaskInfoState[];
    alarm?: ref Alarm;
    scheduledTask?: ref ScheduledTask;
    eventChainId?: int[] since 4.0;
    tag?: string[] since 4.0;
    parentTaskKey?: string[] since 4.0;
    rootTaskKey?: string[] since 4.0;
}

data TaskFilterSpecByEntity {
    entity: ref ManagedEntity;
    recursion: TaskFilterSpecRecursionOption;
}

data TaskFilterSpecByTime {
    timeType: TaskFilterSpecTimeOption;
    beginTime?: dateTime;
    endTime?: dateTime;
}

data TaskFilterSpecByUsername {
    systemUser: boolean;
    userList?: string[];
}

data Event {
    key: int;
    chainId: int;
    createdTime: dateTime;
    userName: string;
    datacenter?: DatacenterEventArgument;
    computeResource?: ComputeResourceEventArgument;
    host?: HostEventArgument;
    vm?: VmEventArgument;
    ds?: DatastoreEventArgument since 4.0;
    net?: NetworkEventArgument since 4.0;
    dvs?: DvsEventArgument since 4.0;
    fullFormattedMessage?: string;
    changeTag?: string since 4.0;
}

data EventArgument { }
data EntityEventArgument extends EventArgument { name: string; }
data DatacenterEventArgument extends EntityEventArgument { datacenter: ref Datacenter; }

data ComputeResourceEventArgument extends EntityEventArgument {
    computeResource: ref ComputeResource;
}

data HostEventArgument extends EntityEventArgument { host: ref HostSystem; }
data VmEventArgument extends EntityEventArgument { vm: ref VirtualMachine; }
data DatastoreEventArgument extends EntityEventArgument { datastore: ref Datastore; }
data NetworkEventArgument extends EntityEventArgument since 4.0 { network: ref Network; }
data ManagedEntityEventArgument extends EntityEventArgument { entity: ref ManagedEntity; }

data EventFilterSpec {
    entity?: EventFilterSpecByEntity;
    time?: EventFilterSpecByTime;
    userName?: EventFilterSpecByUsername;
    eventChainId?: int;
    alarm?: ref Alarm;
    scheduledTask?: ref ScheduledTask;
    disableFullMessage?: boolean;
    category?: string[];
    type?: typeName[];
    tag?: string[] since 4.0;
    eventTypeId?: string[] since 4.0;
    maxCount?: int since 6.5;
    delayedInit?: boolean since 8.0.3.0;
}

data EventFilterSpecByEntity {
    entity: ref ManagedEntity;
    recursion: EventFilterSpecRecursionOption;
}

data EventFilterSpecByTime {
    beginTime?: dateTime;
    endTime?: dateTime;
}

data EventFilterSpecByUsername {
    systemUser: boolean;
    userList?: string[];
}

data EventDescription {
    category: ElementDescription[];
    eventInfo: EventDescriptionEventDetail[];
    enumeratedTypes?: EnumDescription[] since 4.0;
}

data EventDescriptionEventDetail {
    key: typeName;
    description?: string since 4.0;
    category: string;
    formatOnDatacenter: string;
    formatOnComputeResource: string;
    formatOnHost: string;
    formatOnVm: string;
    fullFormat: string;
    longDescription?: string since 4.1;
}

data EventArgDesc since 4.0 {
    name: string;
    type: string;
    description?: ElementDescription;
}

data SessionEvent extends Event { }

data UserLoginSessionEvent extends SessionEvent {
    ipAddress: string;
    userAgent?: string since 5.1;
    locale: string;
    sessionId: string;
}

data UserLogoutSessionEvent extends SessionEvent {
    ipAddress?: string since 5.1;
    userAgent?: string since 5.1;
    callCount?: long since 5.1;
    sessionId?: string since 5.1;
    loginTime?: dateTime since 5.1;
}

data BadUsernameSessionEvent extends SessionEvent { ipAddress: string; }
data TaskEvent extends Event { info: TaskInfo; }
data GeneralEvent extends Event { message: string; }
data GeneralUserEvent extends GeneralEvent { entity?: ManagedEntityEventArgument; }

data EventEx extends Event since 4.0 {
    eventTypeId: string;
    severity?: string;
    message?: string;
    arguments?: KeyAnyValue[] default;
    objectId?: string;
    objectType?: typeName;
    objectName?: string since 4.1;
    fault?: LocalizedMethodFault since 4.1;
}

data ExtendedEvent extends GeneralEvent since 2.5 {
    eventTypeId: string;
    managedObject: ref any;
    data?: ExtendedEventPair[];
}

data VmEvent extends Event { template: boolean; }
data VmCreatedEvent extends VmEvent { }
data VmRegisteredEvent extends VmEvent { }
data VmCloneEvent extends VmEvent { }
data VmClonedEvent extends VmCloneEvent { sourceVm: VmEventArgument; }
data VmRemovedEvent extends VmEvent { }

data VmReconfiguredEvent extends VmEvent {
    configSpec: VirtualMachineConfigSpec;
    configChanges?: ChangesInfoEventArgument since 6.5;
}

data VmRenamedEvent extends VmEvent {
    oldName: string;
    newName: string;
}

data VmStartingEvent extends VmEvent { }
data VmPoweredOnEvent extends VmEvent { }
data VmStoppingEvent extends VmEvent { }
data VmPoweredOffEvent extends VmEvent { }
data VmSuspendingEvent extends VmEvent { }
data VmSuspendedEvent extends VmEvent { }
data VmResumingEvent extends VmEvent { }
data VmResettingEvent extends VmEvent { }
data VmGuestShutdownEvent extends VmEvent { }
data VmGuestRebootEvent extends VmEvent { }
data VmGuestStandbyEvent extends VmEvent { }
data VmFailedToShutdownGuestEvent extends VmEvent { reason: LocalizedMethodFault; }
data VmFailedToRebootGuestEvent extends VmEvent { reason: LocalizedMethodFault; }
data VmFailedToStandbyGuestEvent extends VmEvent { reason: LocalizedMethodFault; }
data VmFailedToPowerOnEvent extends VmEvent { reason: LocalizedMethodFault; }
data VmFailedToPowerOffEvent extends VmEvent { reason: LocalizedMethodFault; }
data VmFailedToSuspendEvent extends VmEvent { reason: LocalizedMethodFault; }
data VmFailedToResetEvent extends VmEvent { reason: LocalizedMethodFault; }

data VmMessageEvent extends VmEvent {
    message: string;
    messageInfo?: VirtualMachineMessage[] since 2.5;
}

data VmMessageWarningEvent extends VmEvent since 4.0 {
    message: string;
    messageInfo?: VirtualMachineMessage[];
}

data VmMessageErrorEvent extends VmEvent since 4.0 {
    message: string;
    messageInfo?: VirtualMachineMessage[];
}
