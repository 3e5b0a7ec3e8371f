#include "hostd/host_facts.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"

#define FILE_MAX     (1u << 20)
#define PACKAGES_MAX 64
#define CORES_MAX    1024
#define MHZ_UNKNOWN  2000 /* where the kernel does not say */

/* The first line of a small file. */
static void read_line(const char *path, char *out, size_t size, const char *fallback)
{
    AUTO_BUF struct buf b = BUF_INIT(FILE_MAX);
    const char *text;

    snprintf(out, size, "%s", fallback);
    if (fs_read_file(AT_FDCWD, path, &b, NULL) < 0)
        return;
    text = buf_text(&b);
    if (text[0] && text[0] != '\n')
        snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
}

static bool hex_groups(const char *s)
{
    static const int groups[] = {8, 4, 4, 4, 12};

    for (size_t g = 0; g < ARRAY_SIZE(groups); g++) {
        if (strspn(s, "0123456789abcdefABCDEF") != (size_t)groups[g])
            return false;
        s += groups[g];
        if (*s++ != (g + 1 < ARRAY_SIZE(groups) ? '-' : '\0'))
            return false;
    }
    return true;
}

/* The machine's own UUID; else one made of the machine id, which is 32 hex digits. */
static void read_uuid(char out[37])
{
    char id[64];

    read_line("/sys/class/dmi/id/product_uuid", id, sizeof(id), "");
    for (char *p = id; *p; p++)
        *p |= *p >= 'A' && *p <= 'F' ? 0x20 : 0;
    if (hex_groups(id)) {
        memcpy(out, id, 37);
        return;
    }
    read_line("/etc/machine-id", id, sizeof(id), "00000000000000000000000000000000");
    if (strspn(id, "0123456789abcdef") != 32)
        memset(id, '0', 32);
    snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", id, id + 8, id + 12, id + 16, id + 20);
}

static bool field(const char *line, const char *name, const char **ret)
{
    size_t n = strlen(name);

    if (strncmp(line, name, n))
        return false;
    line += n;
    line += strspn(line, " \t");
    if (*line != ':')
        return false;
    line++;
    *ret = line + strspn(line, " \t");
    return true;
}

struct cpu_count {
    int package, core; /* of the processor being read */
    int packages[PACKAGES_MAX], package_count;
    long cores[CORES_MAX];
    int core_count;
};

static void count_cpu(struct cpu_count *c)
{
    long id = (long)c->package * 65536 + c->core;
    int i;

    for (i = 0; i < c->package_count && c->packages[i] != c->package; i++)
        ;
    if (i == c->package_count && i < PACKAGES_MAX)
        c->packages[c->package_count++] = c->package;
    for (i = 0; i < c->core_count && c->cores[i] != id; i++)
        ;
    if (i == c->core_count && i < CORES_MAX)
        c->cores[c->core_count++] = id;
}

static void read_cpus(struct host_facts *f)
{
    AUTO_BUF struct buf b = BUF_INIT(FILE_MAX);
    AUTO_FREE struct cpu_count *c = mem_calloc(1, sizeof(*c));
    char *line, *next;

    if (!c || fs_read_file(AT_FDCWD, "/proc/cpuinfo", &b, NULL) < 0 || !b.data)
        return;
    for (line = (char *)b.data; line; line = next) {
        const char *v;

        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (field(line, "processor", &v)) {
            if (f->threads++)
                count_cpu(c);
            c->package = 0;
            c->core = f->threads;
        } else if (field(line, "physical id", &v)) {
            c->package = (int)strtol(v, NULL, 10);
        } else if (field(line, "core id", &v)) {
            c->core = (int)strtol(v, NULL, 10);
        } else if (field(line, "model name", &v)) {
            snprintf(f->cpu_model, sizeof(f->cpu_model), "%s", v);
        } else if (field(line, "vendor_id", &v)) {
            snprintf(f->cpu_vendor, sizeof(f->cpu_vendor), "%s", v);
        } else if (field(line, "cpu MHz", &v) && !f->cpu_mhz) {
            f->cpu_mhz = (int)strtol(v, NULL, 10);
        }
    }
    if (f->threads)
        count_cpu(c);
    f->packages = c->package_count;
    f->cores = c->core_count;
}

static int count_nics(void)
{
    DIR *d = opendir("/sys/class/net");
    struct dirent *e;
    int n = 0;

    if (!d)
        return 0;
    while ((e = readdir(d)))
        n += e->d_name[0] != '.' && strcmp(e->d_name, "lo");
    closedir(d);
    return n;
}

void host_facts_read(struct host_facts *f)
{
    struct sysinfo si = {0};

    memset(f, 0, sizeof(*f));
    read_line("/sys/class/dmi/id/sys_vendor", f->vendor, sizeof(f->vendor), "Unknown");
    read_line("/sys/class/dmi/id/product_name", f->model, sizeof(f->model), "Unknown");
    read_uuid(f->uuid);
    read_cpus(f);
    if (!f->cpu_model[0])
        snprintf(f->cpu_model, sizeof(f->cpu_model), "Unknown");
    if (!f->cpu_mhz)
        f->cpu_mhz = MHZ_UNKNOWN;
    if (f->threads < 1)
        f->threads = 1;
    if (f->cores < 1)
        f->cores = f->threads;
    if (f->packages < 1)
        f->packages = 1;
    f->nics = count_nics();
    sysinfo(&si);
    f->memory = (int64_t)si.totalram * si.mem_unit;
    f->boot_time = clock_wall_us() - (int64_t)si.uptime * 1000000;
}

void host_load_read(const struct host_facts *f, struct host_load *ret)
{
    struct sysinfo si = {0};
    int64_t load;

    sysinfo(&si);
    load = (int64_t)si.loads[0] * 1000 / (1 << SI_LOAD_SHIFT) / f->threads;
    *ret = (struct host_load){
        .memory_used = f->memory - (int64_t)(si.freeram + si.bufferram) * si.mem_unit,
        .cpu_permille = load < 1000 ? (int)load : 1000,
        .uptime = si.uptime,
    };
}
