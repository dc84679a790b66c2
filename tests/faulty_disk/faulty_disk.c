/* faulty_disk.c - a disk that fails and a clock that jumps, for a program that runs as it is.
 *
 * Loaded with LD_PRELOAD; the rules stand in the text file named by DIRECT_FAULTS and are read again
 * whenever that file was replaced, so that a test changes the weather while the program runs:
 *
 *     <call> <part of the path, or *> <what> [skip=N] [count=N]
 *     clock <seconds, may be negative>
 *
 *   call   write   write, pwrite, writev, pwritev; not LMDB's meta page
 *          meta    the same on a descriptor opened with O_DSYNC: LMDB's meta page
 *          sync    fsync, fdatasync
 *          rename, open (openat too), truncate (ftruncate, fallocate), link, unlink,
 *          read (read, pread), spawn (posix_spawn; the path is the program)
 *   what   an errno by name (ENOSPC), short (half of the bytes are written), delay=MILLISECONDS, hold
 *          (waits until other rules are set)
 *   skip   so many matching calls go well first; count: so many are hit, then the rule is spent
 *
 * The first rule that matches and is not spent decides. Each hit adds a line "call path what" to
 * DIRECT_FAULTS.hits: a test that injects asserts that its fault has happened. A path is what the
 * kernel says of the descriptor, so files without a name (O_TMPFILE: "FOLDER/#123 (deleted)") match by their folder.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum call { C_WRITE, C_META, C_SYNC, C_RENAME, C_OPEN, C_TRUNCATE, C_LINK, C_UNLINK, C_READ, C_SPAWN, CALLS };
static const char* const call_names[CALLS] = {"write",    "meta", "sync",   "rename", "open",
                                              "truncate", "link", "unlink", "read",   "spawn"};
static const struct {
    const char* name;
    int number;
} errors[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO},       {"EROFS", EROFS},   {"EDQUOT", EDQUOT},
              {"EFBIG", EFBIG},   {"EACCES", EACCES}, {"EMFILE", EMFILE}, {"ENFILE", ENFILE},
              {"EAGAIN", EAGAIN}, {"ENOMEM", ENOMEM}};

enum { SHORT = -1, DELAY = -2, HOLD = -3, RULES = 64 };

struct rule {
    enum call call;
    char part[256];
    int what; /* errno, SHORT, DELAY or HOLD */
    char word[32];
    long delay_ms, skip, count;
};

static struct rule rules[RULES];
static int rule_count;
static volatile unsigned generation; /* how often rules were read */
static long clock_offset;
static struct stat read_at; /* the rules' file as it was when it was read */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char* control;

#define REAL(type, name, ...)         \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static int error_number(const char* word)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; ++i)
        if (strcmp(word, errors[i].name) == 0) return errors[i].number;
    return 0;
}

/* A rule that cannot be read ends the program: a test with a spelling mistake must not pass. */
static void wrong(const char* line)
{
    dprintf(2, "faulty_disk: cannot read the rule: %s\n", line);
    _exit(99);
}

static void take_line(char* line)
{
    char* rest = NULL;
    char* word = strtok_r(line, " \n", &rest);
    if (!word || *word == '#') return;
    char* part = strtok_r(NULL, " \n", &rest);
    if (!part) wrong(word);
    if (strcmp(word, "clock") == 0) {
        clock_offset = atol(part);
        return;
    }
    if (rule_count == RULES) wrong("too many rules");
    struct rule* r = &rules[rule_count];
    memset(r, 0, sizeof *r);
    r->count = -1;
    int known = 0;
    while (known < CALLS && strcmp(word, call_names[known]) != 0) ++known;
    char* what = strtok_r(NULL, " \n", &rest);
    if (known == CALLS || !what || strlen(part) >= sizeof r->part || strlen(what) >= sizeof r->word)
        wrong(word);
    r->call = (enum call)known;
    strcpy(r->part, part);
    strcpy(r->word, what);
    if (strcmp(what, "short") == 0)
        r->what = SHORT;
    else if (strcmp(what, "hold") == 0)
        r->what = HOLD;
    else if (sscanf(what, "delay=%ld", &r->delay_ms) == 1)
        r->what = DELAY;
    else if (!(r->what = error_number(what)))
        wrong(what);
    for (char* more; (more = strtok_r(NULL, " \n", &rest));)
        if (sscanf(more, "skip=%ld", &r->skip) != 1 && sscanf(more, "count=%ld", &r->count) != 1) wrong(more);
    ++rule_count;
}

/* Raw system calls: nothing of this may come back into the wrappers. */
static void read_rules(void)
{
    char text[16384];
    int fd = (int)syscall(SYS_openat, AT_FDCWD, control, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    long n = syscall(SYS_read, fd, text, sizeof text - 1);
    syscall(SYS_close, fd);
    text[n > 0 ? n : 0] = 0;
    ++generation;
    rule_count = 0;
    clock_offset = 0;
    char* rest = NULL;
    for (char* line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) take_line(line);
}

static void refresh(void)
{
    if (!control) control = getenv("DIRECT_FAULTS");
    struct stat now;
    if (!control || stat(control, &now) != 0) return;
    pthread_mutex_lock(&lock);
    if (now.st_ino != read_at.st_ino || now.st_mtim.tv_sec != read_at.st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != read_at.st_mtim.tv_nsec) {
        read_at = now;
        read_rules();
    }
    pthread_mutex_unlock(&lock);
}

static void note_hit(const struct rule* r, const char* path)
{
    char name[4096], line[4600];
    snprintf(name, sizeof name, "%s.hits", control);
    int n = snprintf(line, sizeof line, "%s %s %s\n", call_names[r->call], path, r->word);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) return;
    syscall(SYS_write, fd, line, n);
    syscall(SYS_close, fd);
}

/* 0: go on; an errno; or SHORT. A delay has been served when this returns. */
static int decide(enum call call, const char* path)
{
    refresh();
    long delay = 0;
    int out = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < rule_count; ++i) {
        struct rule* r = &rules[i];
        if (r->call != call || r->count == 0) continue;
        if (strcmp(r->part, "*") != 0 && !strstr(path, r->part)) continue;
        if (r->skip > 0) {
            --r->skip;
            break;
        }
        if (r->count > 0) --r->count;
        note_hit(r, path);
        if (r->what == DELAY) delay = r->delay_ms;
        out = r->what;
        break;
    }
    const unsigned then = generation;
    pthread_mutex_unlock(&lock);
    const struct timespec nap = {0, 10000000}, all = {delay / 1000, delay % 1000 * 1000000};
    if (out == DELAY) nanosleep(&all, NULL);
    for (; out == HOLD && generation == then; refresh()) nanosleep(&nap, NULL);
    return out;
}

static int decide_fd(enum call call, int fd)
{
    int before = errno;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long n = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    errno = before;
    if (n <= 0 || path[0] != '/') return 0; /* pipes and sockets are no disk */
    path[n] = 0;
    return decide(call, path);
}

static enum call write_or_meta(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_DSYNC) ? C_META : C_WRITE;
}

static int fails(int verdict)
{
    if (verdict <= 0) return 0;
    errno = verdict;
    return 1;
}

ssize_t write(int fd, const void* bytes, size_t n)
{
    REAL(ssize_t, "write", int, const void*, size_t);
    int verdict = decide_fd(write_or_meta(fd), fd);
    if (fails(verdict)) return -1;
    return real(fd, bytes, verdict == SHORT && n > 1 ? n / 2 : n);
}

#define PWRITE(name, offset)                                               \
    ssize_t name(int fd, const void* bytes, size_t n, offset at)           \
    {                                                                      \
        REAL(ssize_t, #name, int, const void*, size_t, offset);            \
        int verdict = decide_fd(write_or_meta(fd), fd);                    \
        if (fails(verdict)) return -1;                                     \
        return real(fd, bytes, verdict == SHORT && n > 1 ? n / 2 : n, at); \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

/* A short vector write: the first half of the first piece. */
static struct iovec half_of(const struct iovec* all)
{
    struct iovec first = *all;
    if (first.iov_len > 1) first.iov_len /= 2;
    return first;
}

ssize_t writev(int fd, const struct iovec* pieces, int n)
{
    REAL(ssize_t, "writev", int, const struct iovec*, int);
    int verdict = decide_fd(write_or_meta(fd), fd);
    if (fails(verdict)) return -1;
    if (verdict != SHORT || n < 1) return real(fd, pieces, n);
    struct iovec first = half_of(pieces);
    return real(fd, &first, 1);
}

#define PWRITEV(name, offset)                                          \
    ssize_t name(int fd, const struct iovec* pieces, int n, offset at) \
    {                                                                  \
        REAL(ssize_t, #name, int, const struct iovec*, int, offset);   \
        int verdict = decide_fd(write_or_meta(fd), fd);                \
        if (fails(verdict)) return -1;                                 \
        if (verdict != SHORT || n < 1) return real(fd, pieces, n, at); \
        struct iovec first = half_of(pieces);                          \
        return real(fd, &first, 1, at);                                \
    }
PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)

#define PREAD(name, offset)                                \
    ssize_t name(int fd, void* bytes, size_t n, offset at) \
    {                                                      \
        REAL(ssize_t, #name, int, void*, size_t, offset);  \
        if (fails(decide_fd(C_READ, fd))) return -1;       \
        return real(fd, bytes, n, at);                     \
    }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

ssize_t read(int fd, void* bytes, size_t n)
{
    REAL(ssize_t, "read", int, void*, size_t);
    if (fails(decide_fd(C_READ, fd))) return -1;
    return real(fd, bytes, n);
}

#define SYNC(name)                                           \
    int name(int fd)                                         \
    {                                                        \
        REAL(int, #name, int);                               \
        return fails(decide_fd(C_SYNC, fd)) ? -1 : real(fd); \
    }
SYNC(fsync)
SYNC(fdatasync)

#define TRUNCATE(name, offset)                                      \
    int name(int fd, offset n)                                      \
    {                                                               \
        REAL(int, #name, int, offset);                              \
        return fails(decide_fd(C_TRUNCATE, fd)) ? -1 : real(fd, n); \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

int fallocate(int fd, int mode, off_t at, off_t n)
{
    REAL(int, "fallocate", int, int, off_t, off_t);
    return fails(decide_fd(C_TRUNCATE, fd)) ? -1 : real(fd, mode, at, n);
}

/* Returns the errno and leaves errno alone. */
int posix_fallocate(int fd, off_t at, off_t n)
{
    REAL(int, "posix_fallocate", int, off_t, off_t);
    int verdict = decide_fd(C_TRUNCATE, fd);
    return verdict > 0 ? verdict : real(fd, at, n);
}

#define TWO_PATHS(name, call)                                 \
    int name(const char* from, const char* to)                \
    {                                                         \
        REAL(int, #name, const char*, const char*);           \
        return fails(decide(call, to)) ? -1 : real(from, to); \
    }
TWO_PATHS(rename, C_RENAME)
TWO_PATHS(link, C_LINK)

int unlink(const char* path)
{
    REAL(int, "unlink", const char*);
    return fails(decide(C_UNLINK, path)) ? -1 : real(path);
}

static mode_t mode_of(int flags, va_list more)
{
    return flags & (O_CREAT | __O_TMPFILE) ? (mode_t)va_arg(more, int) : 0;
}

#define OPEN(name)                                                         \
    int name(const char* path, int flags, ...)                             \
    {                                                                      \
        REAL(int, #name, const char*, int, ...);                           \
        va_list more;                                                      \
        va_start(more, flags);                                             \
        mode_t mode = mode_of(flags, more);                                \
        va_end(more);                                                      \
        return fails(decide(C_OPEN, path)) ? -1 : real(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                           \
    int name(int at, const char* path, int flags, ...)                         \
    {                                                                          \
        REAL(int, #name, int, const char*, int, ...);                          \
        va_list more;                                                          \
        va_start(more, flags);                                                 \
        mode_t mode = mode_of(flags, more);                                    \
        va_end(more);                                                          \
        return fails(decide(C_OPEN, path)) ? -1 : real(at, path, flags, mode); \
    }
OPENAT(openat)
OPENAT(openat64)

int posix_spawn(pid_t* pid, const char* path, const posix_spawn_file_actions_t* actions,
                const posix_spawnattr_t* attributes, char* const argv[], char* const envp[])
{
    REAL(int, "posix_spawn", pid_t*, const char*, const posix_spawn_file_actions_t*, const posix_spawnattr_t*,
         char* const[], char* const[]);
    int verdict = decide(C_SPAWN, path);
    return verdict > 0 ? verdict : real(pid, path, actions, attributes, argv, envp);
}

/* The wall clock only: waiting goes by the monotonic one, which does not jump. */
int clock_gettime(clockid_t id, struct timespec* now)
{
    REAL(int, "clock_gettime", clockid_t, struct timespec*);
    int rc = real(id, now);
    if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) {
        refresh();
        if (rc == 0) now->tv_sec += clock_offset;
    }
    return rc;
}

time_t time(time_t* out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
