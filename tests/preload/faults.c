/* Lets calls of a program fail that change files below one folder: the N-th of them, or all from the
 * N-th on. Preloaded (LD_PRELOAD) by tests/integration/injection.rs.
 *
 *   FAULTS_FOLDER  the folder, as an absolute path without symbolic links
 *   FAULTS_AT      the number of the call that fails; 0 or nothing for none
 *   FAULTS_ERRNO   the error it fails with, as a number
 *   FAULTS_STICKY  1 if all that follow fail as well
 *   FAULTS_HANG    1 if the call does not fail, but never returns
 *   FAULTS_HOLD    a FIFO: the call does not fail, but waits until somebody has opened the FIFO for writing and
 *                  closed it again
 *   FAULTS_LOG     a file outside the folder that gets a line for each call: its number, what it is, paths
 *   FAULTS_REFUSED what always fails with that error: "chmod", "folder" (syncing a folder, and everything
 *                  instead of it), "lock", "thread" (each with EAGAIN), "input" (reads of databases, from
 *                  FAULTS_FROM on), "delete"; several are separated by commas
 *   FAULTS_FROM    the number of bytes at the beginning of a database that can be read
 *   FAULTS_SWITCH  a file; before it exists, nothing is refused
 *
 * Counted are writes, truncations, allocations, syncs, renames, links, and what opens a file for writing
 * or creates it. Deleting is logged without a number and fails only if it is refused: it needs no space, and a file that
 * cannot be deleted would be left behind by the fault and not by the program. Opening for reading is
 * neither. A failing call does nothing at all, and no more does a sync that succeeds: nobody cuts the power,
 * and waiting for the disk would be most of the time.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef __GLIBC__
#error "the names of the calls are those of glibc"
#endif

/* Set before main, only read afterwards. */
static const char *folder;
static long fault_at;
static int fault_errno;
static int is_sticky;
static int hangs;
static const char *held_by;
static const char *refused = "";
static int log_fd = -1;

static atomic_long counted;

/* The function that is hidden by the one of the same name here. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static long number_of(const char *variable)
{
    const char *text = getenv(variable);
    return text ? strtol(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void read_environment(void)
{
    const char *log = getenv("FAULTS_LOG");
    folder = getenv("FAULTS_FOLDER");
    fault_at = number_of("FAULTS_AT");
    fault_errno = (int)number_of("FAULTS_ERRNO");
    is_sticky = number_of("FAULTS_STICKY") == 1;
    hangs = number_of("FAULTS_HANG") == 1;
    held_by = getenv("FAULTS_HOLD");
    if (getenv("FAULTS_REFUSED"))
        refused = getenv("FAULTS_REFUSED");
    if (log)
        log_fd = NEXT(open)(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
}

/* What a path is called seen from the folder, "." for the folder itself; NULL for a path that is not in
 * it. */
static const char *below_folder(const char *path)
{
    size_t length = folder ? strlen(folder) : 0;
    if (!length || strncmp(path, folder, length))
        return NULL;
    if (!path[length])
        return ".";
    return path[length] == '/' ? path + length + 1 : NULL;
}

/* The name that an open file has now. Asked of the system each time: what is remembered of a descriptor
 * would be wrong once the C library has closed it by itself. */
static const char *name_of_file(int fd, char path[PATH_MAX])
{
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0)
        return NULL;
    path[length] = 0;
    /* SQLite deletes its temporary files as soon as it has opened them. */
    char *mark = strstr(path, " (deleted)");
    if (mark)
        *mark = 0;
    return below_folder(path);
}

static const char *name_of_path(int at, const char *path, char absolute[PATH_MAX])
{
    char base[PATH_MAX] = "";
    if (path[0] == '/')
        return below_folder(path);
    if (at == AT_FDCWD ? !getcwd(base, sizeof base) : !name_of_file(at, base) && !base[0])
        return NULL;
    while (path[0] == '.' && path[1] == '/')
        path += 2;
    int length = snprintf(absolute, PATH_MAX, "%s/%s", base, path);
    return length < PATH_MAX ? below_folder(absolute) : NULL;
}

/* One write for each line: other threads write theirs at the same time. */
static void log_line(long number, const char *call, const char *name, const char *other)
{
    char line[2 * PATH_MAX + 64];
    char digits[32] = "-";
    if (log_fd < 0)
        return;
    if (number)
        snprintf(digits, sizeof digits, "%ld", number);
    int length = snprintf(line, sizeof line, "%s %s %s%s%s\n", digits, call, name, other ? " " : "",
                          other ? other : "");
    ssize_t written = NEXT(write)(log_fd, line, (size_t)length);
    (void)written;
}

/* Waits for a writer of the FIFO, and for the writer's end. */
static void wait_for_writer(void)
{
    char byte;
    int fifo = NEXT(open)(held_by, O_RDONLY | O_CLOEXEC);
    while (fifo >= 0 && NEXT(read)(fifo, &byte, 1) > 0)
        ;
    close(fifo);
}

/* Counts and logs a call on what has this name in the folder; whether it is to fail. */
static int fails(const char *call, const char *name, const char *other)
{
    int before = errno;
    if (!name)
        return 0;
    long number = atomic_fetch_add(&counted, 1) + 1;
    log_line(number, call, name, other);
    int is_hit = fault_at && (number == fault_at || (is_sticky && number > fault_at));
    /* Signals that have handlers do not end it either. */
    while (is_hit && hangs)
        pause();
    if (is_hit && held_by) {
        wait_for_writer();
        is_hit = 0;
    }
    errno = is_hit ? fault_errno : before;
    return is_hit;
}

static int fails_on_file(const char *call, int fd)
{
    char path[PATH_MAX];
    int before = errno;
    const char *name = name_of_file(fd, path);
    errno = before;
    return fails(call, name, NULL);
}

/* Whether calls of this kind always fail. */
static int is_refused(const char *call)
{
    int before = errno;
    const char *file = getenv("FAULTS_SWITCH");
    int is_on = strstr(refused, call) && (!file || !access(file, F_OK));
    errno = before;
    if (!is_on)
        return 0;
    errno = fault_errno;
    return 1;
}

static int is_refused_on(const char *call, int fd)
{
    char path[PATH_MAX];
    int before = errno;
    int is_below = name_of_file(fd, path) != NULL;
    errno = before;
    return is_below && is_refused(call);
}

static int fails_on_open(const char *call, int at, const char *path, int flags)
{
    char absolute[PATH_MAX];
    int changes = (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC));
    return changes && fails(call, name_of_path(at, path, absolute), NULL);
}

/* A call that gives a file a second or another name: counted where the new one is in the folder. */
static int fails_on_naming(const char *call, int from_at, const char *from, int to_at, const char *to)
{
    char from_absolute[PATH_MAX], to_absolute[PATH_MAX];
    const char *old = name_of_path(from_at, from, from_absolute);
    const char *new = name_of_path(to_at, to, to_absolute);
    return new && fails(call, old ? old : from, new);
}

static void log_deletion(const char *call, int at, const char *path)
{
    char absolute[PATH_MAX];
    int before = errno;
    const char *name = name_of_path(at, path, absolute);
    if (name)
        log_line(0, call, name, NULL);
    errno = before;
}

/* The third argument of open, which is there only where a file may be created. */
#define MODE(flags, last)                                                                              \
    mode_t mode = 0;                                                                                   \
    if (((flags) & O_CREAT) || ((flags) & O_TMPFILE) == O_TMPFILE) {                                   \
        va_list arguments;                                                                             \
        va_start(arguments, last);                                                                     \
        mode = va_arg(arguments, mode_t);                                                              \
        va_end(arguments);                                                                             \
    }

int open(const char *path, int flags, ...)
{
    MODE(flags, flags)
    return fails_on_open("open", AT_FDCWD, path, flags) ? -1 : NEXT(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    MODE(flags, flags)
    return fails_on_open("open", AT_FDCWD, path, flags) ? -1 : NEXT(open64)(path, flags, mode);
}

int openat(int at, const char *path, int flags, ...)
{
    MODE(flags, flags)
    return fails_on_open("open", at, path, flags) ? -1 : NEXT(openat)(at, path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...)
{
    MODE(flags, flags)
    return fails_on_open("open", at, path, flags) ? -1 : NEXT(openat64)(at, path, flags, mode);
}

static int is_read_refused(int fd, off64_t end)
{
    char path[PATH_MAX];
    int before = errno;
    const char *name = name_of_file(fd, path);
    size_t length = name ? strlen(name) : 0;
    int is_database = length > 3 && !strcmp(name + length - 3, ".db");
    errno = before;
    return is_database && end > number_of("FAULTS_FROM") && is_refused("input");
}

ssize_t read(int fd, void *bytes, size_t count)
{
    return is_read_refused(fd, lseek64(fd, 0, SEEK_CUR) + (off64_t)count) ? -1 : NEXT(read)(fd, bytes, count);
}

ssize_t pread(int fd, void *bytes, size_t count, off_t offset)
{
    return is_read_refused(fd, offset + (off64_t)count) ? -1 : NEXT(pread)(fd, bytes, count, offset);
}

ssize_t pread64(int fd, void *bytes, size_t count, off64_t offset)
{
    return is_read_refused(fd, offset + (off64_t)count) ? -1 : NEXT(pread64)(fd, bytes, count, offset);
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    return fails_on_file("write", fd) ? -1 : NEXT(write)(fd, bytes, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
    return fails_on_file("write", fd) ? -1 : NEXT(pwrite)(fd, bytes, count, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset)
{
    return fails_on_file("write", fd) ? -1 : NEXT(pwrite64)(fd, bytes, count, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return fails_on_file("write", fd) ? -1 : NEXT(writev)(fd, parts, count);
}

ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t count,
                        unsigned flags)
{
    if (fails_on_file("write", to))
        return -1;
    return NEXT(copy_file_range)(from, from_offset, to, to_offset, count, flags);
}

int ftruncate(int fd, off_t length)
{
    return fails_on_file("truncate", fd) ? -1 : NEXT(ftruncate)(fd, length);
}

int ftruncate64(int fd, off64_t length)
{
    return fails_on_file("truncate", fd) ? -1 : NEXT(ftruncate64)(fd, length);
}

int fallocate(int fd, int mode, off_t offset, off_t length)
{
    return fails_on_file("allocate", fd) ? -1 : NEXT(fallocate)(fd, mode, offset, length);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t length)
{
    return fails_on_file("allocate", fd) ? -1 : NEXT(fallocate64)(fd, mode, offset, length);
}

/* These two give the error instead of setting errno. */
int posix_fallocate(int fd, off_t offset, off_t length)
{
    return fails_on_file("allocate", fd) ? fault_errno : NEXT(posix_fallocate)(fd, offset, length);
}

int posix_fallocate64(int fd, off64_t offset, off64_t length)
{
    return fails_on_file("allocate", fd) ? fault_errno : NEXT(posix_fallocate64)(fd, offset, length);
}

int fsync(int fd)
{
    struct stat status;
    if (!fstat(fd, &status) && S_ISDIR(status.st_mode) && is_refused_on("folder", fd))
        return -1;
    return fails_on_file("sync", fd) ? -1 : 0;
}

int syncfs(int fd)
{
    return is_refused_on("folder", fd) ? -1 : 0;
}

int fchmod(int fd, mode_t mode)
{
    return is_refused_on("chmod", fd) ? -1 : NEXT(fchmod)(fd, mode);
}

/* The third argument is a number or a pointer, which are passed alike. */
#define LOCKS(name)                                                                                    \
    int name(int fd, int command, ...)                                                                 \
    {                                                                                                  \
        va_list arguments;                                                                             \
        va_start(arguments, command);                                                                  \
        void *argument = va_arg(arguments, void *);                                                    \
        va_end(arguments);                                                                             \
        int takes = (command == F_SETLK || command == F_SETLKW)                                        \
                    && ((struct flock *)argument)->l_type != F_UNLCK;                                  \
        return takes && is_refused_on("lock", fd) ? -1 : NEXT(name)(fd, command, argument);            \
    }

LOCKS(fcntl)
LOCKS(fcntl64)

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    if (is_refused("thread"))
        return EAGAIN;
    return NEXT(pthread_create)(thread, attributes, start, argument);
}

int fdatasync(int fd)
{
    return fails_on_file("sync", fd) ? -1 : 0;
}

int rename(const char *from, const char *to)
{
    return fails_on_naming("rename", AT_FDCWD, from, AT_FDCWD, to) ? -1 : NEXT(rename)(from, to);
}

int renameat(int from_at, const char *from, int to_at, const char *to)
{
    if (fails_on_naming("rename", from_at, from, to_at, to))
        return -1;
    return NEXT(renameat)(from_at, from, to_at, to);
}

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
    if (fails_on_naming("rename", from_at, from, to_at, to))
        return -1;
    return NEXT(renameat2)(from_at, from, to_at, to, flags);
}

int link(const char *from, const char *to)
{
    return fails_on_naming("link", AT_FDCWD, from, AT_FDCWD, to) ? -1 : NEXT(link)(from, to);
}

int linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
    if (fails_on_naming("link", from_at, from, to_at, to))
        return -1;
    return NEXT(linkat)(from_at, from, to_at, to, flags);
}

static int is_deletion_refused(int at, const char *path)
{
    char absolute[PATH_MAX];
    int before = errno;
    int is_there = name_of_path(at, path, absolute) && !faccessat(at, path, F_OK, 0);
    errno = before;
    return is_there && is_refused("delete");
}

int unlink(const char *path)
{
    if (is_deletion_refused(AT_FDCWD, path))
        return -1;
    log_deletion("unlink", AT_FDCWD, path);
    return NEXT(unlink)(path);
}

int unlinkat(int at, const char *path, int flags)
{
    if (is_deletion_refused(at, path))
        return -1;
    log_deletion("unlink", at, path);
    return NEXT(unlinkat)(at, path, flags);
}
