/* Stands between a process and its disk (LD_PRELOAD): writes down every change below one folder, in order and with its
   data, and lets the N-th of them fail. Owns no meaning of the changes; faults/disk.py replays them.

   FAULT_ROOT  the folder, an absolute path without links
   FAULT_LOG   where changes are written down; none: they are only counted */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(result, name, ...) \
    static result (*real)(__VA_ARGS__); \
    if (!real) real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static const char *root;
static size_t root_size;
static int log_fd = -1;
static long calls, fail_at;
static int fail_with, fail_until_told;

__attribute__((constructor)) static void begin(void) {
    root = getenv("FAULT_ROOT");
    root_size = root ? strlen(root) : 0;
    const char *path = getenv("FAULT_LOG");
    if (root && path) log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* Let the change number `at` from now fail with `error`, and those after it too if `lasting`; 0: none. */
void fault_arm(long at, int error, int lasting) {
    pthread_mutex_lock(&lock);
    calls = 0, fail_at = at, fail_with = error, fail_until_told = lasting;
    pthread_mutex_unlock(&lock);
}

/* Return the number of changes since fault_arm. */
long fault_calls(void) { return calls; }

/* Return the path below the root that `path` means, or NULL when it is elsewhere. `into` holds PATH_MAX bytes. */
static const char *below(int dir, const char *path, char *into) {
    if (!root) return NULL;
    if (path[0] == '/') {
        snprintf(into, 4096, "%s", path);
    } else {
        char name[64];
        if (dir == AT_FDCWD) snprintf(name, sizeof name, "/proc/self/cwd");
        else snprintf(name, sizeof name, "/proc/self/fd/%d", dir);
        ssize_t size = readlink(name, into, 2048);
        if (size < 0) return NULL;
        snprintf(into + size, 2048, "/%s", path);
    }
    if (strncmp(into, root, root_size) || into[root_size] != '/') return NULL;
    return into + root_size + 1;
}

static const char *opened(int fd, char *into) {
    char name[64];
    if (!root) return NULL;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(name, into, 4095);
    if (size < 0) return NULL;
    into[size] = 0;
    if (size > 10 && !strcmp(into + size - 10, " (deleted)")) return NULL;
    if (strncmp(into, root, root_size)) return NULL;
    return into[root_size] == '/' ? into + root_size + 1 : into[root_size] ? NULL : into + root_size;
}

struct record { char op; char pad[7]; int64_t offset, size; int32_t path, other; };

static void put(const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    const char *at = data;
    while (size) {
        ssize_t done = real(log_fd, at, size);
        if (done < 0) abort();
        at += done, size -= done;
    }
}

static void note(char op, const char *path, const char *other, int64_t offset, const void *data, int64_t size) {
    if (log_fd < 0) return;
    int kept = errno;
    struct record head = {.op = op, .offset = offset, .size = size, .path = strlen(path), .other = other ? strlen(other) : 0};
    put(&head, sizeof head);
    put(path, head.path);
    if (other) put(other, head.other);
    if (data) put(data, size);
    errno = kept;
}

/* Count a change; true when it has to fail. What takes no space works on a full disk. */
static int fails(int takes_space) {
    calls++;
    if (!fail_at || calls < fail_at || (calls > fail_at && !fail_until_told)) return 0;
    if (fail_with == ENOSPC && !takes_space) return 0;
    errno = fail_with;
    return 1;
}

#define WITH_PATH(fallback) \
    char buffer[4096]; \
    const char *path = opened(fd, buffer); \
    if (!path) return fallback; \
    pthread_mutex_lock(&lock);
#define DONE(value) do { pthread_mutex_unlock(&lock); return value; } while (0)

/* A write that fails leaves half of itself behind, as disks do. */
static ssize_t put_at(int fd, const void *data, size_t size, off64_t at) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    WITH_PATH(real(fd, data, size, at))
    int failing = fails(1), error = errno;
    ssize_t done = real(fd, data, failing ? size / 2 : size, at);
    if (done > 0) note('W', path, NULL, at, data, done);
    if (failing) errno = error, done = -1;
    DONE(done);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) { return put_at(fd, data, size, at); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return put_at(fd, data, size, at); }

ssize_t write(int fd, const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    WITH_PATH(real(fd, data, size))
    int failing = fails(1), error = errno;
    off64_t at = fcntl(fd, F_GETFL) & O_APPEND ? lseek64(fd, 0, SEEK_END) : lseek64(fd, 0, SEEK_CUR);
    ssize_t done = real(fd, data, failing ? size / 2 : size);
    if (done > 0) note('W', path, NULL, at, data, done);
    if (failing) errno = error, done = -1;
    DONE(done);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    char buffer[4096];
    if (!opened(fd, buffer)) return real(fd, parts, count);
    for (int part = 0; part < count; part++)
        if (parts[part].iov_len) return write(fd, parts[part].iov_base, parts[part].iov_len);
    return 0;
}

/* NumPy writes arrays by C's streams, whose own writes nobody can see from here. */
size_t fwrite(const void *data, size_t size, size_t count, FILE *stream) {
    REAL(size_t, "fwrite", const void *, size_t, size_t, FILE *);
    int fd = fileno(stream);
    char buffer[4096];
    if (fd < 0 || !opened(fd, buffer)) return real(data, size, count, stream);
    fflush(stream);
    size_t left = size * count;
    const char *at = data;
    while (left) {
        ssize_t done = write(fd, at, left);
        if (done < 0) return (at - (const char *)data) / (size ? size : 1);
        at += done, left -= done;
    }
    return count;
}

#define CUT(name, offset) \
    int name(int fd, offset size) { \
        REAL(int, "ftruncate64", int, off64_t); \
        WITH_PATH(real(fd, size)) \
        int done = fails(0) ? -1 : real(fd, size); \
        if (!done) note('T', path, NULL, size, NULL, 0); \
        DONE(done); \
    }
CUT(ftruncate, off_t)
CUT(ftruncate64, off64_t)

#define SYNC(name) \
    int name(int fd) { \
        REAL(int, #name, int); \
        WITH_PATH(real(fd)) \
        int done = fails(0) ? -1 : real(fd); \
        if (!done) note('S', path, NULL, 0, NULL, 0); \
        DONE(done); \
    }
SYNC(fsync)
SYNC(fdatasync)

static int open_at(int dir, const char *name, int flags, mode_t mode) {
    REAL(int, "openat64", int, const char *, int, ...);
    char buffer[4096];
    const char *path = flags & (O_CREAT | O_TRUNC) ? below(dir, name, buffer) : NULL;
    if (!path) return real(dir, name, flags, mode);
    pthread_mutex_lock(&lock);
    int there = !faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW);
    if (there && !(flags & O_TRUNC)) DONE(real(dir, name, flags, mode));
    int fd = fails(!there) ? -1 : real(dir, name, flags, mode);
    if (fd >= 0) note('O', path, NULL, 0, NULL, 0);
    DONE(fd);
}

#define MODE mode_t mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, int); va_end(rest); }
int open(const char *name, int flags, ...) { MODE return open_at(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { MODE return open_at(AT_FDCWD, name, flags, mode); }
int openat(int dir, const char *name, int flags, ...) { MODE return open_at(dir, name, flags, mode); }
int openat64(int dir, const char *name, int flags, ...) { MODE return open_at(dir, name, flags, mode); }

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    char one[4096], two[4096];
    const char *path = below(AT_FDCWD, from, one), *other = below(AT_FDCWD, to, two);
    if (!path || !other) return real(from, to);
    pthread_mutex_lock(&lock);
    int done = fails(0) ? -1 : real(from, to);
    if (!done) note('R', path, other, 0, NULL, 0);
    DONE(done);
}

static int remove_at(int dir, const char *name, int flags) {
    REAL(int, "unlinkat", int, const char *, int);
    char buffer[4096];
    const char *path = below(dir, name, buffer);
    if (!path) return real(dir, name, flags);
    pthread_mutex_lock(&lock);
    int done = fails(0) ? -1 : real(dir, name, flags);
    if (!done) note('U', path, NULL, 0, NULL, 0);
    DONE(done);
}
int unlinkat(int dir, const char *name, int flags) { return remove_at(dir, name, flags); }
int unlink(const char *name) { return remove_at(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return remove_at(AT_FDCWD, name, AT_REMOVEDIR); }

static int make_at(int dir, const char *name, mode_t mode) {
    REAL(int, "mkdirat", int, const char *, mode_t);
    char buffer[4096];
    const char *path = below(dir, name, buffer);
    if (!path) return real(dir, name, mode);
    pthread_mutex_lock(&lock);
    int done = faccessat(dir, name, F_OK, 0) && fails(1) ? -1 : real(dir, name, mode);
    if (!done) note('M', path, NULL, 0, NULL, 0);
    DONE(done);
}
int mkdirat(int dir, const char *name, mode_t mode) { return make_at(dir, name, mode); }
int mkdir(const char *name, mode_t mode) { return make_at(AT_FDCWD, name, mode); }
