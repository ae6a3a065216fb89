/* whoami.exe /user for versions of wine whose own prints a name alone. Test-only: says on standard
 * output, like the original, the name and the SID of the user that it runs as. */

#include <windows.h>
#include <sddl.h>
#include <stdio.h>

int wmain(void)
{
    HANDLE token;
    union {
        TOKEN_USER user;
        BYTE bytes[256];
    } held;
    DWORD size = sizeof held;
    char *sid;

    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token) ||
        !GetTokenInformation(token, TokenUser, &held, size, &size) ||
        !ConvertSidToStringSidA(held.user.User.Sid, &sid))
        return 1;
    printf("\"host\\user\",\"%s\"\r\n", sid);
    return 0;
}
