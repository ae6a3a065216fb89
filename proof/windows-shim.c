/* bcryptprimitives.dll for versions of wine that have none. Programs made by Rust take the seeds of
 * their hash tables from its one function. Test-only: on Windows the system's own is there. */

#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T count)
{
    return RtlGenRandom(bytes, (ULONG)count);
}
