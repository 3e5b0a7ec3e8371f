/* What needs a display and a keyboard: our machines have neither, and say so. */
#include "hostd/inventory_internal.h"
#include "hostd/vm.h"

static void no_console(struct call *call)
{
    if (vm_of(call))
        call_fault(call, VIM_NEW(call->arena, NotSupported),
                   "The operation is not supported on the object: the virtual machine has no "
                   "display and no keyboard.");
}

const struct call_row vm_console_calls[] = {
    {&vim_method_CreateScreenshot_Task, no_console},
    {&vim_method_SetScreenResolution, no_console},
    {&vim_method_AcquireMksTicket, no_console},
    {&vim_method_PutUsbScanCodes, no_console},
    {NULL, NULL},
};
