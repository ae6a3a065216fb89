#Requires -RunAsAdministrator
<#
.SYNOPSIS
Removes both tasks and the programs. Configuration, state and published files stay.

.PARAMETER Programs
The folder of the programs.

.PARAMETER Configuration
The folder of the configuration.

.PARAMETER Purge
Also deletes the folder of the configuration, with the secrets, and the state and log in it. Published files stay:
with a data folder inside that folder, nothing is deleted.
#>
[CmdletBinding()]
param(
    [string]$Programs = "$env:ProgramFiles\mimecast-collector",
    [string]$Configuration = "$env:ProgramData\mimecast-collector",
    [switch]$Purge
)
$ErrorActionPreference = 'Stop'
$names = 'siem_collection', 'audit_collection', 'authentication_setup'

foreach ($name in 'siem_collection', 'audit_collection') {
    $task = Get-ScheduledTask -TaskPath '\Mimecast collector\' -TaskName $name -ErrorAction SilentlyContinue
    if ($task) {
        Stop-ScheduledTask -InputObject $task
        Unregister-ScheduledTask -InputObject $task -Confirm:$false
    }
}
foreach ($name in $names) {
    $file = Join-Path $Programs "$name.exe"
    if (Test-Path -Path $file) {
        Remove-Item -Force -Path $file
    }
}
if ((Test-Path -Path $Programs) -and -not (Get-ChildItem -Force -Path $Programs)) {
    Remove-Item -Path $Programs
}

if ($Purge -and (Test-Path -Path $Configuration)) {
    # each data folder holds .collector
    if (Get-ChildItem -Force -Recurse -Directory -Filter '.collector' -Path $Configuration) {
        throw "$Configuration holds published files: move them, or delete the folder by hand"
    }
    Remove-Item -Recurse -Force -Path $Configuration
}
Write-Output "Removed."
