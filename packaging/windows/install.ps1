#Requires -RunAsAdministrator
<#
.SYNOPSIS
Installs the three programs, and makes the folder of the configuration. Starts nothing.

.DESCRIPTION
Run it in the unpacked folder. The account that runs it becomes the owner of the configuration, so run it as the
account of the collectors. It can be repeated: an upgrade replaces the programs and nothing else.

.PARAMETER Programs
The folder of the programs.

.PARAMETER Configuration
The folder of the configuration, closed for all but this account, SYSTEM and Administrators.

.PARAMETER Schedule
Creates both tasks. The setup has to come first.
#>
[CmdletBinding()]
param(
    [string]$Programs = "$env:ProgramFiles\mimecast-collector",
    [string]$Configuration = "$env:ProgramData\mimecast-collector",
    [switch]$Schedule
)
$ErrorActionPreference = 'Stop'
$names = 'authentication_setup', 'siem_collection', 'audit_collection'

foreach ($name in $names) {
    if (Get-Process -Name $name -ErrorAction SilentlyContinue) {
        throw "$name runs: wait until it ends, then start this script again"
    }
}
New-Item -ItemType Directory -Force -Path $Programs | Out-Null
foreach ($name in $names) {
    Copy-Item -Force -Path (Join-Path $PSScriptRoot "$name.exe") -Destination $Programs
}

if (-not (Test-Path -Path $Configuration)) {
    New-Item -ItemType Directory -Path $Configuration | Out-Null
    # S-1-5-32-544: Administrators, S-1-5-18: SYSTEM, in every language of Windows
    $account = [Security.Principal.WindowsIdentity]::GetCurrent().User.Value
    & "$env:SystemRoot\System32\icacls.exe" $Configuration /inheritance:r /grant:r `
        "*${account}:(OI)(CI)F" '*S-1-5-32-544:(OI)(CI)F' '*S-1-5-18:(OI)(CI)F' | Out-Null
    if ($LASTEXITCODE -ne 0) {
        throw "icacls could not close $Configuration for other users"
    }
}

$setup = Join-Path $Programs 'authentication_setup.exe'
$config = Join-Path $Configuration 'config.toml'
if ($Schedule) {
    if (-not (Test-Path -Path $config)) {
        throw "$config does not exist: run the setup first: & '$setup' --config '$config'"
    }
    & $setup schedule windows --install --config $config
    if ($LASTEXITCODE -ne 0) {
        throw "the tasks were not created"
    }
} elseif (-not (Test-Path -Path $config)) {
    Write-Output "Installed. Next, connect the account, then start this script again with -Schedule:"
    Write-Output "  & '$setup' --config '$config'"
} else {
    Write-Output "Installed. The configuration, the state and the tasks are as before."
}
