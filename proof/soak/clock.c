/* Shifts the host's clock of one process by CLOCK_SECONDS, and at its end writes its most kilobytes of memory
 * and its number of open files into the file COSTS. Loaded with LD_PRELOAD, by the soak alone. */

#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = syscall(SYS_clock_gettime, clock, now);
    const char *seconds = getenv("CLOCK_SECONDS");
    if (result == 0 && clock == CLOCK_REALTIME && seconds)
        now->tv_sec += atoll(seconds);
    return result;
}

__attribute__((destructor)) static void costs(void)
{
    const char *path = getenv("COSTS");
    FILE *status = fopen("/proc/self/status", "r");
    DIR *folder = opendir("/proc/self/fd");
    char line[256];
    long memory = 0;
    int files = -4; /* not "." and "..", the status and the folder */
    if (!path || !status || !folder)
        return;
    while (fgets(line, sizeof line, status))
        sscanf(line, "VmHWM: %ld", &memory);
    while (readdir(folder))
        files++;
    FILE *file = fopen(path, "w"); /* the disk may be full, on purpose */
    if (file) {
        fprintf(file, "%ld %d", memory, files);
        fclose(file);
    }
}
