/*
 * A disk that can be cut: preloaded into every process of a push, it counts their calls that change something
 * below CRASH_ROOT and makes the chosen one the last, or makes it fail.
 *
 * Environment, beside LD_PRELOAD:
 *   CRASH_ROOT   the directory that counts
 *   CRASH_BOARD  a file all processes map: how many calls there were, and whether the machine is dead
 *   CRASH_LOG    where every call is written down, for what a power cut takes with it
 *   CRASH_AT     the call that is chosen, from 1; none: only count
 *   CRASH_HOW    kill: nothing of the chosen call happens, nor of any later one; torn: half of a write does
 *   CRASH_ERRNO  instead: the chosen call fails with this error number
 *   CRASH_STICKY with CRASH_ERRNO: and so does every later one
 *
 * A dead machine says nothing more, either: no process writes another byte, wherever to.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GO_ON, FAIL, DIE };
enum { LOG_FD = 700, PATH_BYTES = 4096 };

struct board {
    long calls;
    long dead;
};

static struct board *board;
static const char *root;
static long chosen;
static int torn;
static int error_number;
static int sticky;
static int log_fd = -1;

static void take_stdout(void);

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("CRASH_BOARD");
    const char *value;
    int fd;

    root = getenv("CRASH_ROOT");
    if (path == NULL || root == NULL)
        return;
    value = getenv("CRASH_AT");
    chosen = value != NULL ? atol(value) : 0;
    value = getenv("CRASH_HOW");
    torn = value != NULL && strcmp(value, "torn") == 0;
    value = getenv("CRASH_ERRNO");
    error_number = value != NULL ? atoi(value) : 0;
    sticky = getenv("CRASH_STICKY") != NULL;
    value = getenv("CRASH_LOG");
    if (value != NULL) {
        fd = REAL(open64)(value, O_WRONLY | O_APPEND | O_CREAT, 0600);
        log_fd = fcntl(fd, F_DUPFD_CLOEXEC, LOG_FD);
        close(fd);
    }
    fd = REAL(open64)(path, O_RDWR);
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (board == MAP_FAILED)
        abort();
    take_stdout();
}

static void die(void)
{
    __atomic_store_n(&board->dead, 1, __ATOMIC_SEQ_CST);
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Whether the path, seen from the directory, lies below the root. */
static int counts(int directory, const char *path)
{
    char link[64];
    char base[PATH_BYTES];
    ssize_t length;

    if (board == NULL || path == NULL)
        return 0;
    if (path[0] == '/')
        return strncmp(path, root, strlen(root)) == 0;
    if (directory == AT_FDCWD)
        return getcwd(base, sizeof base) != NULL && strncmp(base, root, strlen(root)) == 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
    length = readlink(link, base, sizeof base - 1);
    if (length < 0)
        return 0;
    base[length] = '\0';
    return strncmp(base, root, strlen(root)) == 0;
}

static int counts_fd(int fd)
{
    return counts(fd, "");
}

static void note(long number, const char *what, const char *path, unsigned long inode, long size)
{
    char line[PATH_BYTES + 128];
    int length;

    if (log_fd < 0)
        return;
    length = snprintf(line, sizeof line, "%ld\t%s\t%lu\t%ld\t%s\n", number, what, inode, size, path != NULL ? path : "-");
    REAL(write)(log_fd, line, (size_t)length);
}

/* Whether a full disk refuses it too, and not only a broken one. */
static int takes_room(const char *what)
{
    return strcmp(what, "unlink") != 0 && strcmp(what, "rmdir") != 0 && strcmp(what, "chmod") != 0 && strcmp(what, "sync") != 0;
}

static int count(const char *what, const char *path, int fd)
{
    struct stat status = {0};
    long number = __atomic_add_fetch(&board->calls, 1, __ATOMIC_SEQ_CST);

    if (__atomic_load_n(&board->dead, __ATOMIC_SEQ_CST))
        die();
    if (fd >= 0)
        fstat(fd, &status);
    if (chosen > 0 && number >= chosen) {
        if (error_number == 0)
            return DIE;
        if ((number == chosen || sticky) && (takes_room(what) || (error_number != ENOSPC && error_number != EDQUOT))) {
            errno = error_number;
            return FAIL;
        }
    }
    note(number, what, path, (unsigned long)status.st_ino, (long)status.st_size);
    return GO_ON;
}

static void live(void)
{
    if (board != NULL && __atomic_load_n(&board->dead, __ATOMIC_SEQ_CST))
        die();
}

#define GUARD(what, path, fd)              \
    do {                                   \
        int verdict = count(what, path, fd); \
        if (verdict == DIE)                \
            die();                         \
        if (verdict == FAIL)               \
            return -1;                     \
    } while (0)

#define CALL(name, what, directory, path, parameters, arguments) \
    int name parameters                                          \
    {                                                            \
        if (counts(directory, path))                             \
            GUARD(what, path, -1);                               \
        return REAL(name) arguments;                             \
    }

CALL(rename, "rename", AT_FDCWD, new, (const char *old, const char *new), (old, new))
CALL(renameat, "rename", b, new, (int a, const char *old, int b, const char *new), (a, old, b, new))
CALL(renameat2, "rename", b, new, (int a, const char *old, int b, const char *new, unsigned flags), (a, old, b, new, flags))
CALL(symlink, "symlink", AT_FDCWD, new, (const char *old, const char *new), (old, new))
CALL(symlinkat, "symlink", b, new, (const char *old, int b, const char *new), (old, b, new))
CALL(link, "link", AT_FDCWD, new, (const char *old, const char *new), (old, new))
CALL(linkat, "link", b, new, (int a, const char *old, int b, const char *new, int flags), (a, old, b, new, flags))
CALL(unlink, "unlink", AT_FDCWD, path, (const char *path), (path))
CALL(unlinkat, "unlink", a, path, (int a, const char *path, int flags), (a, path, flags))
CALL(rmdir, "rmdir", AT_FDCWD, path, (const char *path), (path))
CALL(mkdir, "mkdir", AT_FDCWD, path, (const char *path, mode_t mode), (path, mode))
CALL(mkdirat, "mkdir", a, path, (int a, const char *path, mode_t mode), (a, path, mode))
CALL(chmod, "chmod", AT_FDCWD, path, (const char *path, mode_t mode), (path, mode))
CALL(fchmodat, "chmod", a, path, (int a, const char *path, mode_t mode, int flags), (a, path, mode, flags))

/* Only an open that may make or empty a file changes something. */
#define OPEN(name, directory, parameters, arguments)              \
    int name parameters                                           \
    {                                                             \
        va_list rest;                                             \
        mode_t mode;                                              \
        va_start(rest, flags);                                    \
        mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                             \
        if (flags & (O_CREAT | O_TRUNC) && counts(directory, path)) \
            GUARD("open", path, -1);                              \
        return REAL(name) arguments;                              \
    }

OPEN(open, AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))
OPEN(open64, AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))
OPEN(openat, a, (int a, const char *path, int flags, ...), (a, path, flags, mode))
OPEN(openat64, a, (int a, const char *path, int flags, ...), (a, path, flags, mode))

ssize_t write(int fd, const void *data, size_t size)
{
    live();
    if (size > 0 && counts_fd(fd)) {
        int verdict = count("write", NULL, fd);
        if (verdict == DIE) {
            if (torn && size > 1)
                REAL(write)(fd, data, size / 2);
            die();
        }
        if (verdict == FAIL)
            return -1;
    }
    return REAL(write)(fd, data, size);
}

/* What a program prints through stdio leaves by a write of the C library's own, which no preload sees: so stdout is ours. */
static ssize_t print(void *unused, const char *data, size_t size)
{
    ssize_t count = write(STDOUT_FILENO, data, size);

    (void)unused;
    return count < 0 ? 0 : count;
}

static void take_stdout(void)
{
    FILE *ours = fopencookie(NULL, "w", (cookie_io_functions_t){.write = print});

    if (ours == NULL)
        abort();
    stdout = ours;
}

/* What is made durable is written down and not done: the power cut is played afterwards, by the log. */
#define SYNC(name)                          \
    int name(int fd)                        \
    {                                       \
        if (board == NULL || !counts_fd(fd)) \
            return REAL(name)(fd);          \
        GUARD("sync", NULL, fd);            \
        return 0;                           \
    }

SYNC(fsync)
SYNC(fdatasync)

/* Everything durable at once: inode 0 in the log. */
void sync(void)
{
    if (board != NULL && count("sync", NULL, -1) == DIE)
        die();
}

/* Copies go through write, where they are seen. */
ssize_t copy_file_range(int from, off64_t *a, int into, off64_t *b, size_t size, unsigned flags)
{
    (void)from, (void)a, (void)into, (void)b, (void)size, (void)flags;
    errno = ENOSYS;
    return -1;
}

ssize_t sendfile(int into, int from, off_t *offset, size_t size)
{
    (void)into, (void)from, (void)offset, (void)size;
    errno = EINVAL;
    return -1;
}

ssize_t sendfile64(int into, int from, off64_t *offset, size_t size)
{
    (void)into, (void)from, (void)offset, (void)size;
    errno = EINVAL;
    return -1;
}
