/* The part of NVIDIA's libnvidia-ml.so.1 that is asked, after nvml.h: one card, two processes, one that is not counted. */

#include <string.h>

enum { SUCCESS = 0, INSUFFICIENT_SIZE = 7, GPU_IS_LOST = 15 };

typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned int pid; unsigned long long used; unsigned int gpu_instance, compute_instance; } Process;

static int lost;

int nvmlInitWithFlags(unsigned int flags) { return SUCCESS; }
int nvmlInit_v2(void) { return SUCCESS; }
int nvmlShutdown(void) { return SUCCESS; }
const char *nvmlErrorString(int status) { return "GPU is lost"; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 1; return SUCCESS; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **handle) { *handle = &lost; return SUCCESS; }
int nvmlDeviceGetName(void *handle, char *name, unsigned int length) { strncpy(name, "NVIDIA Made", length); return SUCCESS; }

int nvmlDeviceGetMemoryInfo(void *handle, Memory *memory) {
    if (lost++) return GPU_IS_LOST;
    *memory = (Memory){8000000000ULL, 2000000000ULL, 6000000000ULL};
    return SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v3(void *handle, unsigned int *count, Process *found) {
    if (*count < 2) { *count = 2; return INSUFFICIENT_SIZE; }
    found[0] = (Process){7, 512000000ULL, 0xFFFFFFFF, 0xFFFFFFFF};
    found[1] = (Process){9, 0xFFFFFFFFFFFFFFFFULL, 0xFFFFFFFF, 0xFFFFFFFF};
    *count = 2;
    return SUCCESS;
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(void *handle, unsigned int *count, Process *found) { *count = 0; return SUCCESS; }
