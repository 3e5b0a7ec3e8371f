# Methods of our own, in no WSDL: clients of the vSphere API never meet them.

extend GuestProcessManager {
    # Starts a program whose standard streams are the client's for as long as it runs, with pipes or a
    # terminal. No arguments: the user's login shell. The answer is the path of a URL, good once and
    # for 30 seconds, for a GET that asks for the upgrade to `inguest-stream`.
    StartLiveProgramInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Execute,
            auth: GuestAuthentication, arguments?: string[], workingDirectory?: string,
            envVariables?: string[], terminal: boolean default, rows: int default,
            columns: int default) -> string
        hidden
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied,
            FileFault;

    # The same for a TCP connection to a port of the guest's loopback.
    ConnectToPortInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Execute,
            auth: GuestAuthentication, port: int) -> string
        hidden
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied;

    # Answers as soon as a program that was started through the API has ended, or after so many
    # seconds (at most 600). Empty: there is no such process.
    WaitForProcessInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Query,
            auth: GuestAuthentication, pid: long, seconds: int) -> GuestProcessInfo[]?
        hidden
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied;
}
