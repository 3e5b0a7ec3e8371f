/* Which tool this is depends on the name it is called by. */
#include <string.h>

#include "base/mem.h"
#include "guest/cli.h"

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } tools[] = {
        {"vmtoolsd", cli_vmtoolsd},
        {"vmware-rpctool", cli_rpctool},
        {"vmware-toolbox-cmd", cli_toolbox_cmd},
    };
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *name = slash ? slash + 1 : argc > 0 ? argv[0] : "";
    for (size_t i = 0; i < ARRAY_SIZE(tools); i++) {
        if (strcmp(name, tools[i].name) == 0)
            return tools[i].run(argc, argv);
    }
    return cli_toolbox(argc, argv);
}
