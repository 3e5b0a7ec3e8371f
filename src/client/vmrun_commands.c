/* The table of vmrun's commands, and the usage that is written from it. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "client/vmrun.h"

#define G VMRUN_GUEST
#define H VMRUN_HOST
#define N VMRUN_NOTHING

static const struct vmrun_command power[] = {
    {"start", "VM [gui|nogui]", "Power a VM on, or resume it", 0, 1, 0, vmrun_start},
    {"stop", "VM [hard|soft]", "Power it off; soft: let its guest shut down", 0, 1, 0, vmrun_stop},
    {"reset", "VM [hard|soft]", "Start it anew; soft: let its guest reboot", 0, 1, 0, vmrun_reset},
    {"suspend", "VM [hard|soft]", "Suspend it; soft: tell its guest before", 0, 1, 0,
     vmrun_suspend},
    {"pause", "VM", "Not supported", 0, 0, 0, vmrun_pause},
    {"unpause", "VM", "Not supported", 0, 0, 0, vmrun_unpause},
};

static const struct vmrun_command adapters[] = {
    {"listNetworkAdapters", "VM", "Not supported", 0, 0, N, vmrun_unsupported},
    {"addNetworkAdapter", "VM TYPE [NETWORK]", "Not supported", 1, 2, N, vmrun_unsupported},
    {"setNetworkAdapter", "VM INDEX TYPE [NETWORK]", "Not supported", 2, 3, N, vmrun_unsupported},
    {"deleteNetworkAdapter", "VM INDEX", "Not supported", 1, 1, N, vmrun_unsupported},
};

static const struct vmrun_command networks[] = {
    {"listHostNetworks", "", "Not supported", 0, 0, H | N, vmrun_unsupported},
    {"listPortForwardings", "NETWORK", "Not supported", 1, 1, H | N, vmrun_unsupported},
    {"setPortForwarding", "NETWORK PROTOCOL PORT IP PORT [TEXT]", "Not supported", 5, 6, H | N,
     vmrun_unsupported},
    {"deletePortForwarding", "NETWORK PROTOCOL PORT", "Not supported", 3, 3, H | N,
     vmrun_unsupported},
};

static const struct vmrun_command snapshots[] = {
    {"listSnapshots", "VM [showTree]", "List the snapshots of a VM", 0, 1, 0, vmrun_list_snapshots},
    {"snapshot", "VM NAME", "Take a snapshot", 1, 1, 0, vmrun_snapshot},
    {"deleteSnapshot", "VM NAME [andDeleteChildren]", "Remove a snapshot", 1, 2, 0,
     vmrun_delete_snapshot},
    {"revertToSnapshot", "VM NAME", "Set the VM back to a snapshot", 1, 1, 0, vmrun_revert},
};

static const struct vmrun_command guest[] = {
    {"runProgramInGuest", "VM [-noWait] [-activeWindow] [-interactive] PROGRAM [ARGUMENT...]",
     "Run a program in the guest", 1, INT32_MAX, G, vmrun_run_program},
    {"fileExistsInGuest", "VM PATH", "Is there a file?", 1, 1, G, vmrun_file_exists},
    {"directoryExistsInGuest", "VM PATH", "Is there a directory?", 1, 1, G, vmrun_directory_exists},
    {"setSharedFolderState", "VM NAME PATH writable|readonly", "Not supported", 3, 3, N,
     vmrun_unsupported},
    {"addSharedFolder", "VM NAME PATH", "Not supported", 2, 2, N, vmrun_unsupported},
    {"removeSharedFolder", "VM NAME", "Not supported", 1, 1, N, vmrun_unsupported},
    {"enableSharedFolders", "VM [runtime]", "Not supported", 0, 1, N, vmrun_unsupported},
    {"disableSharedFolders", "VM [runtime]", "Not supported", 0, 1, N, vmrun_unsupported},
    {"listProcessesInGuest", "VM", "List the processes in the guest", 0, 0, G,
     vmrun_list_processes},
    {"killProcessInGuest", "VM PID", "End a process in the guest", 1, 1, G, vmrun_kill},
    {"runScriptInGuest", "VM [-noWait] [-activeWindow] [-interactive] INTERPRETER TEXT",
     "Run a script in the guest", 2, INT32_MAX, G, vmrun_run_script},
    {"deleteFileInGuest", "VM PATH", "Delete a file", 1, 1, G, vmrun_delete_file},
    {"createDirectoryInGuest", "VM PATH", "Make a directory", 1, 1, G, vmrun_create_directory},
    {"deleteDirectoryInGuest", "VM PATH", "Delete a directory and all in it", 1, 1, G,
     vmrun_delete_directory},
    {"createTempfileInGuest", "VM", "Make a temporary file", 0, 0, G, vmrun_create_temp},
    {"listDirectoryInGuest", "VM PATH", "List a directory", 1, 1, G, vmrun_list_directory},
    {"copyFileFromHostToGuest", "VM HOST-PATH GUEST-PATH", "Copy a file or a folder to the guest",
     2, 2, G, vmrun_copy_to},
    {"copyFileFromGuestToHost", "VM GUEST-PATH HOST-PATH", "Copy a file or a folder from the guest",
     2, 2, G, vmrun_copy_from},
    {"renameFileInGuest", "VM OLD NEW", "Rename a file or a directory", 2, 2, G, vmrun_rename},
    {"typeKeystrokesInGuest", "VM TEXT", "Not supported", 1, 1, N, vmrun_unsupported},
    {"connectNamedDevice", "VM NAME", "Connect a device of the VM", 1, 1, 0, vmrun_connect_device},
    {"disconnectNamedDevice", "VM NAME", "Disconnect a device of the VM", 1, 1, 0,
     vmrun_disconnect_device},
    {"captureScreen", "VM HOST-PATH", "Save an image of the screen", 1, 1, G, vmrun_capture_screen},
    {"writeVariable", "VM runtimeConfig|guestEnv|guestVar NAME VALUE", "Set a variable", 3, 3, 0,
     vmrun_write_variable},
    {"readVariable", "VM runtimeConfig|guestEnv|guestVar NAME", "Print a variable", 2, 2, 0,
     vmrun_read_variable},
    {"getGuestIPAddress", "VM [-wait]", "Print the guest's address", 0, 1, 0, vmrun_guest_address},
};

static const struct vmrun_command general[] = {
    {"list", "", "List the VMs that are powered on", 0, 0, H, vmrun_list},
    {"listRegisteredVM", "", "List all VMs of the host", 0, 0, H, vmrun_list_registered},
    {"upgradevm", "VM", "Upgrade the VM's hardware", 0, 0, 0, vmrun_upgrade},
    {"installTools", "VM", "Offer the guest tools to the guest", 0, 0, 0, vmrun_install_tools},
    {"checkToolsState", "VM", "Print unknown, installed or running", 0, 0, 0, vmrun_check_tools},
    {"register", "VM", "Take a VM into the host's inventory", 1, 1, H, vmrun_register},
    {"unregister", "VM", "Take it out, its files stay", 1, 1, H, vmrun_unregister},
    {"deleteVM", "VM", "Delete a VM with its files", 0, 0, 0, vmrun_delete_vm},
    {"clone", "VM PATH full|linked [-snapshot=NAME] [-cloneName=NAME]", "Copy a VM", 2, 4, 0,
     vmrun_clone},
};

static const struct vmrun_command templates[] = {
    {"downloadPhotonVM", "PATH", "Not supported", 1, 1, H | N, vmrun_unsupported},
};

#define SECTION(title, table)           \
    {                                   \
        title, table, ARRAY_SIZE(table) \
    }

struct section {
    const char *title;
    const struct vmrun_command *commands;
    size_t count;
};

static const struct section sections[] = {
    SECTION("POWER COMMANDS", power),           SECTION("NETWORK ADAPTER COMMANDS", adapters),
    SECTION("HOST NETWORK COMMANDS", networks), SECTION("SNAPSHOT COMMANDS", snapshots),
    SECTION("GUEST OS COMMANDS", guest),        SECTION("GENERAL COMMANDS", general),
    SECTION("Template VM COMMANDS", templates),
};

const struct vmrun_command *vmrun_find(const char *name)
{
    for (size_t s = 0; s < ARRAY_SIZE(sections); s++)
        for (size_t i = 0; i < sections[s].count; i++)
            if (!strcasecmp(sections[s].commands[i].name, name))
                return &sections[s].commands[i];
    return NULL;
}

void vmrun_version(void)
{
    puts("vmrun version 1.17.0 build-" VMRUN_BUILD);
}

static const char flags_text[] =
    "Usage: vmrun [AUTHENTICATION-FLAGS] COMMAND [PARAMETERS]\n"
    "\n"
    "AUTHENTICATION-FLAGS\n"
    "--------------------\n"
    "These come before the command:\n"
    "   -h HOST            name, HOST:PORT or URL https://HOST[:PORT]/sdk\n"
    "   -P PORT            port, where -h names none (443)\n"
    "   -T TYPE            ws|ws-shared|player|fusion: this machine's host (without -h);\n"
    "                      server|server1|esx|vc: a host by -h\n"
    "   -u USER -p PW      login on the host; PW better from VMRUN_PASSWORD, a file or the prompt\n"
    "   -gu USER -gp PW    login in the guest; PW better from VMRUN_GUEST_PASSWORD, a file ...\n"
    "   -vp PW             password of an encrypted VM (accepted)\n"
    "   --password-file FILE, --guest-password-file FILE\n"
    "                      the first line is the password; - is standard input\n"
    "   --cacert FILE      certificates to trust (PEM)\n"
    "   --fingerprint HEX  trust the server with this SHA-256 certificate fingerprint only\n"
    "   --accept-new       trust a server that is not known yet, and remember it\n"
    "   --timeout SECONDS  give up after that time\n"
    "   --keep-login SECONDS\n"
    "                      share the login with later runs for that long (VMRUN_KEEP_LOGIN)\n"
    "   --help             this text; after a command: what that takes\n"
    "\n"
    "A VM is \"[datastore] folder/name.vmx\", with -T ws also the path of the file.\n";

void vmrun_usage(void)
{
    fputs(flags_text, stdout);
    for (size_t s = 0; s < ARRAY_SIZE(sections); s++) {
        const struct section *section = &sections[s];

        printf("\n%-25s%-21s%s\n", section->title, "PARAMETERS", "DESCRIPTION");
        for (size_t i = 0; i < strlen(section->title); i++)
            putchar('-');
        for (size_t i = strlen(section->title); i < 25; i++)
            putchar(' ');
        puts("----------           -----------");
        for (size_t i = 0; i < section->count; i++) {
            const struct vmrun_command *c = &section->commands[i];

            if (strlen(c->parameters) <= 20)
                printf("%-25s%-21s%s\n", c->name, c->parameters, c->help);
            else
                printf("%-25s%s\n%46s%s\n", c->name, c->parameters, "", c->help);
        }
    }
    puts("\nExit status: 0 done, 255 failed; after runProgramInGuest and runScriptInGuest the\n"
         "program's own when it is not 0.");
}
