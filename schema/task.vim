enum TaskFilterSpecTimeOption { queuedTime; startedTime; completedTime; }
enum TaskFilterSpecRecursionOption { self; children; all; }
enum TaskInfoState { queued; running; success; error; }

object Task extends ExtensibleManagedObject needs System.View {
    info: TaskInfo;

    CancelTask() -> void
        faults InvalidState;

    UpdateProgress(percentDone: int) -> void
        needs Task.Update since 2.5
        faults InvalidState, OutOfBounds;

    SetTaskState(state: TaskInfoState, result?: anyType, fault?: LocalizedMethodFault) -> void
        needs Task.Update since 2.5
        faults InvalidState;

    SetTaskDescription(description: LocalizableMessage) -> void
        needs Task.Update since 4.0;
}

object TaskManager needs System.View {
    recentTask?: ref Task[];
    description: TaskDescription;
    maxCollector: int;

    CreateCollectorForTasks(filter: TaskFilterSpec) -> ref TaskHistoryCollector
        needs System.View
        faults InvalidState;

    CreateTask(obj: ref any, taskTypeId: string, initiatedBy?: string, cancelable: boolean,
            parentTaskKey?: string since 4.0, activationId?: string since 6.0) -> TaskInfo
        needs Task.Create since 2.5;
}

object HistoryCollector needs System.View {
    filter: anyType;

    SetCollectorPageSize(maxCount: int) -> void;

    RewindCollector() -> void;

    ResetCollector() -> void;

    DestroyCollector() -> void;
}

object TaskHistoryCollector extends HistoryCollector needs System.View {
    latestPage?: TaskInfo[];

    ReadNextTasks(maxCount: int) -> TaskInfo[]?;

    ReadPreviousTasks(maxCount: int) -> TaskInfo[]?;
}
