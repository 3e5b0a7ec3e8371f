"""What the Python clients of the end-to-end tests share: a connection, its VM, its guest managers."""
import ssl

from pyVim.connect import SmartConnect
from pyVmomi import vim, vmodl


class Session:
    def __init__(self, address, user, password):
        self.host, port = address.split(":")
        self.context = ssl._create_unverified_context()
        self.si = SmartConnect(host=self.host, port=int(port), user=user, pwd=password,
                               sslContext=self.context)
        self.content = self.si.RetrieveContent()
        managers = self.content.guestOperationsManager
        self.auth = managers.authManager
        self.files = managers.fileManager
        self.processes = managers.processManager

    def vm(self, name):
        view = self.content.viewManager.CreateContainerView(
            self.content.rootFolder, [vim.VirtualMachine], True)
        try:
            return next(v for v in view.view if v.name == name)
        finally:
            view.Destroy()


def login(name, password, interactive=False):
    return vim.vm.guest.NamePasswordAuthentication(
        username=name, password=password, interactiveSession=interactive)


def ticket(text):
    return vim.vm.guest.TicketedSessionAuthentication(ticket=text, interactiveSession=False)


def program(path, arguments="", **more):
    return vim.vm.guest.ProcessManager.ProgramSpec(programPath=path, arguments=arguments, **more)


def fault_of(call, *args):
    """The fault that a call ends with; None when it succeeds."""
    try:
        call(*args)
    except vmodl.MethodFault as e:
        return e
    return None
