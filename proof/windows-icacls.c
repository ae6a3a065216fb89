/* icacls.exe for wine, whose own does nothing. Test-only, and as much of the original as the
 * collector calls, written from Microsoft's description of it:
 *
 *   icacls NAME /inheritance:r /grant:r *SID:F …      also with (OI)(CI) before the F
 *   icacls NAME /save FILE                            one line with the name, one with the SDDL, UTF-16
 *
 * wine keeps an access list as the permission bits of the file below: what is granted to the owner
 * and to everybody comes back, other users do not. */

#include <windows.h>
#include <aclapi.h>
#include <sddl.h>
#include <stdio.h>
#include <wchar.h>

#define LENGTH 4096

static int save(const WCHAR *name, const WCHAR *target)
{
    PSECURITY_DESCRIPTOR descriptor;
    WCHAR *sddl;
    FILE *file;
    const WCHAR *last = wcsrchr(name, L'\\');

    if (GetNamedSecurityInfoW((WCHAR *)name, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL, NULL,
                              NULL, &descriptor) ||
        !ConvertSecurityDescriptorToStringSecurityDescriptorW(descriptor, SDDL_REVISION_1,
                                                              DACL_SECURITY_INFORMATION, &sddl, NULL))
        return 1;
    file = _wfopen(target, L"wb");
    if (!file)
        return 1;
    for (const WCHAR *text[] = {last ? last + 1 : name, L"\r\n", sddl, L"\r\n", NULL}, **at = text; *at; at++)
        fwrite(*at, sizeof(WCHAR), wcslen(*at), file);
    return fclose(file) != 0;
}

/* Adds the entry of one "*SID:rights" to an SDDL text. */
static int grant(WCHAR *sddl, const WCHAR *wanted)
{
    WCHAR sid[256];
    const WCHAR *rights = wcschr(wanted, L':');
    const WCHAR *flags = L"";

    if (*wanted != L'*' || !rights || rights - wanted >= 256)
        return 1;
    wcsncpy(sid, wanted + 1, rights - wanted - 1);
    sid[rights - wanted - 1] = 0;
    if (!wcscmp(rights, L":(OI)(CI)F"))
        flags = L"OICI";
    else if (wcscmp(rights, L":F"))
        return 1;
    swprintf(sddl + wcslen(sddl), LENGTH - wcslen(sddl), L"(A;%ls;FA;;;%ls)", flags, sid);
    return 0;
}

int wmain(int count, WCHAR **words)
{
    WCHAR sddl[LENGTH] = L"D:P";
    PSECURITY_DESCRIPTOR descriptor;

    if (count == 4 && !wcscmp(words[2], L"/save"))
        return save(words[1], words[3]);
    if (count < 5 || wcscmp(words[2], L"/inheritance:r") || wcscmp(words[3], L"/grant:r"))
        return 87; /* as the original for what it does not understand */
    for (int at = 4; at < count; at++)
        if (grant(sddl, words[at]))
            return 87;
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1, &descriptor, NULL))
        return 1;
    return !SetFileSecurityW(words[1], DACL_SECURITY_INFORMATION, descriptor);
}
