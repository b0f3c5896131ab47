// SPDX-License-Identifier: Apache-2.0
/* The worker pool. A job is announced by a number that grows; a worker that sees the new number takes one of the job's
 * seats and works until no piece is left. Both sides watch for a short while before they sleep, because waking costs
 * more than most pauses between two layers, and whoever called waits for the pieces, not for the workers: one that
 * wakes too late finds no seat.
 *
 * Where the caller has to wait for its own core, other programs run here, and all this turns round: who watches uses up
 * its share of the core, who sleeps is let in soon after it wakes. Then nobody watches, and the caller sleeps until
 * every seat was taken, so that the workers' share of the machine is used as well as its own. */
#define _GNU_SOURCE
#include "core/base/threads.h"

#include <linux/futex.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/cores.h"
#include "core/base/system.h"

/* The gate: the job's number, the seats that are free, the workers that sit. */
#define SEAT ((uint64_t)1 << 16)
#define SEATS ((uint64_t)0xffff << 16)
#define SITTING ((uint64_t)0xffff)
#define MOST_WORKERS 4095
#define LOOK_EVERY 0.01 /* seconds */
#define CROWDED 0.1     /* of the time: more delay than this */

static struct pool {
    _Alignas(64) _Atomic uint64_t gate;
    _Alignas(64) atomic_size_t next;   /* the first piece that nobody has */
    _Alignas(64) _Atomic uint32_t job; /* the number again, as a word to sleep on */
    _Atomic uint32_t caller_sleeps;
    atomic_int sleeping; /* workers */
    cm_body *body;
    void *arg;
    size_t count;
    atomic_long rounds; /* that a thread watches before it sleeps */
    int workers;
    bool crowded;
    double looked;        /* when, in seconds */
    long long delay;      /* the caller's until then, in ns */
    pthread_mutex_t lock; /* of the one who has a job */
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local bool inside; /* a worker, or whoever waits for them */

static void sleep_while(_Atomic uint32_t *word, uint32_t value) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake(_Atomic uint32_t *word, int most) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, most, NULL, NULL, 0);
}

static inline void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* The next job after `seen`. */
static uint32_t wait_for_job(uint32_t seen) {
    const long rounds = atomic_load_explicit(&pool.rounds, memory_order_relaxed);
    for (long i = 0; i < rounds; i++, relax()) {
        const uint32_t job = atomic_load_explicit(&pool.job, memory_order_acquire);
        if (job != seen) return job;
    }
    atomic_fetch_add(&pool.sleeping, 1);
    while (atomic_load(&pool.job) == seen) sleep_while(&pool.job, seen);
    atomic_fetch_sub(&pool.sleeping, 1);
    return atomic_load(&pool.job);
}

/* A seat of this job, from 1 on; 0: none is free. */
static int take_seat(uint32_t job) {
    uint64_t gate = atomic_load(&pool.gate);
    while (gate >> 32 == job && gate & SEATS) {
        if (atomic_compare_exchange_weak(&pool.gate, &gate, gate - SEAT + 1)) return (int)((gate & SEATS) / SEAT);
    }
    return 0;
}

static void do_pieces(int worker) {
    for (size_t i; (i = atomic_fetch_add_explicit(&pool.next, 1, memory_order_relaxed)) < pool.count;) {
        pool.body(pool.arg, i, worker);
    }
}

static void leave_seat(void) {
    const uint64_t before = atomic_fetch_sub(&pool.gate, 1);
    if ((before & SITTING) != 1 || !atomic_load(&pool.caller_sleeps)) return;
    atomic_store(&pool.caller_sleeps, 0);
    wake(&pool.caller_sleeps, 1);
}

static void *work(void *unused) {
    (void)unused;
    inside = true;
    for (uint32_t job = 0;;) {
        job = wait_for_job(job);
        const int seat = take_seat(job);
        if (seat == 0) continue;
        do_pieces(seat);
        leave_seat();
    }
    return NULL;
}

/* A child has none of its parent's threads. */
static void forget_workers(void) {
    pool.workers = 0;
    atomic_store(&pool.sleeping, 0);
    pthread_mutex_init(&pool.lock, NULL);
}

static void begin(void) {
    pthread_atfork(NULL, NULL, forget_workers);
}

/* As many as the system gives: a job is done by whoever is there. */
static void add_workers(int wanted) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (pool.workers >= wanted) return;
    pthread_once(&once, begin);
    while (pool.workers < wanted) {
        pthread_t t;
        if (pthread_create(&t, NULL, work, NULL) != 0) return;
        pthread_detach(t);
        pool.workers++;
    }
}

/* How long this thread could have run and did not, in ns; 0 where the kernel does not say. */
static long long delay_so_far(void) {
    long long delay = 0;
    FILE *f = fopen("/proc/thread-self/schedstat", "r");
    if (!f) return 0;
    if (fscanf(f, "%*d %lld", &delay) != 1) delay = 0;
    fclose(f);
    return delay;
}

static void look_around(int threads) {
    const double now = cm_now(), passed = now - pool.looked;
    if (passed < LOOK_EVERY) return;
    const long long delay = delay_so_far();
    pool.crowded = pool.looked > 0 && (double)(delay - pool.delay) > CROWDED * 1e9 * passed;
    pool.looked = now;
    pool.delay = delay;
    const cm_wait wait = cm_wait_policy();
    const bool sleep = pool.crowded || threads > cm_threads_available();
    atomic_store(&pool.rounds, sleep && !wait.by[0] ? 0 : wait.rounds);
}

static void announce(int seats) {
    const uint32_t job = atomic_load(&pool.job) + 1;
    atomic_store(&pool.gate, (uint64_t)job << 32 | (uint64_t)seats * SEAT);
    atomic_store(&pool.job, job);
    if (atomic_load(&pool.sleeping) > 0) wake(&pool.job, seats);
}

/* Takes the free seats away and waits for those who sit; where it is crowded, for whoever comes. */
static void wait_for_workers(void) {
    const long rounds = atomic_load_explicit(&pool.rounds, memory_order_relaxed);
    const bool for_all = pool.crowded && rounds == 0;
    const uint64_t open = for_all ? SEATS | SITTING : SITTING;
    if (!for_all) atomic_fetch_and(&pool.gate, ~SEATS);
    for (long i = 0; i < rounds; i++, relax()) {
        if (!(atomic_load_explicit(&pool.gate, memory_order_acquire) & open)) return;
    }
    while (atomic_load(&pool.gate) & open) {
        atomic_store(&pool.caller_sleeps, 1);
        if (atomic_load(&pool.gate) & open) sleep_while(&pool.caller_sleeps, 1);
    }
    atomic_store(&pool.caller_sleeps, 0);
}

static void share(int threads, size_t count, cm_body *body, void *arg) {
    add_workers(threads - 1);
    look_around(threads);
    const int seats = threads - 1 < pool.workers ? threads - 1 : pool.workers;
    pool.body = body;
    pool.arg = arg;
    pool.count = count;
    atomic_store(&pool.next, 0);
    announce(seats);
    inside = true;
    do_pieces(0);
    inside = false;
    wait_for_workers();
}

void cm_parallel(int threads, size_t count, cm_body *body, void *arg) {
    if ((size_t)threads > count) threads = (int)count;
    if (threads > MOST_WORKERS) threads = MOST_WORKERS;
    if (threads > 1 && !inside && pthread_mutex_trylock(&pool.lock) == 0) {
        share(threads, count, body, arg);
        pthread_mutex_unlock(&pool.lock);
        return;
    }
    for (size_t i = 0; i < count; i++) body(arg, i, 0);
}

static int available;

static void count_cores(void) {
    const double quota = cm_cores_quota("");
    const int allowed = cm_cores_allowed(), most = quota > 0 && quota < allowed ? (int)ceil(quota) : allowed;
    available = most > 1 ? most : 1;
}

int cm_threads_available(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, count_cores);
    return available;
}
