object VirtualMachineSnapshot extends ExtensibleManagedObject needs System.Read {
    config: VirtualMachineConfigInfo;
    childSnapshot?: ref VirtualMachineSnapshot[] since 4.1;
    vm: ref VirtualMachine since 6.0;

    RevertToSnapshot_Task(host?: ref HostSystem, suppressPowerOn?: boolean since 2.5u2server) -> task
        needs VirtualMachine.State.RevertToSnapshot
        faults TaskInProgress, InsufficientResourcesFault, InvalidState, FileFault, VmConfigFault;

    RemoveSnapshot_Task(removeChildren: boolean, consolidate?: boolean since 5.0) -> task
        needs VirtualMachine.State.RemoveSnapshot
        faults TaskInProgress;

    RenameSnapshot(name?: string, description?: string) -> void
        needs VirtualMachine.State.RenameSnapshot
        faults InvalidName, TaskInProgress, InvalidState;

    ExportSnapshot() -> ref HttpNfcLease
        needs VApp.Export since 5.5
        faults TaskInProgress, InvalidState, FileFault;
}
