/*
 * Stands in for the agent in the tests of the sandbox: connects to the link and hands the
 * connection to a shell, so that a test can ask for anything that can be seen in the guest.
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(void)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/run/inguest/link/976"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0)
        return 1;
    for (int i = 0; i < 3; i++)
        dup2(fd, i);
    execl("/bin/sh", "sh", "-s", (char *)NULL);
    return 1;
}
