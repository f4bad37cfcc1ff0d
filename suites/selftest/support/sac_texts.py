"""Texts that SAC prints, from public transcripts of real machines."""

from __future__ import annotations

BANNER = (
    "\n"
    "Computer is booting, SAC started and initialized.\n"
    "\n"
    'Use the "ch -?" command for information about using channels.\n'
    'Use the "?" command for general help.\n'
    "\n"
)
XML = (
    "<machine-info>\r\n<name>WIN-1</name>\r\n<guid>20bf9ade-650b-4415-9e2f-cc044c21c6c9</guid>\r\n"
    "<processor-architecture>AMD64</processor-architecture>\r\n<os-version>10.0</os-version>\r\n"
    "<os-build-number>20348</os-build-number>\r\n<os-product>Windows Server 2022 Standard</os-product>\r\n"
    "<os-service-pack>None</os-service-pack>\r\n</machine-info>\r\n"
)
CRASH = (
    '<INSTANCE CLASSNAME="BLUESCREEN">\r\n'
    '<PROPERTY NAME="STOPCODE" TYPE="string"><VALUE>"0xD1"</VALUE></PROPERTY>'
    f"{XML}</INSTANCE>\r\n\r\n!SAC>\r\nYour PC ran into a problem and needs to restart.\r\n"
)
TOO_EARLY = (
    "Error: Unable to launch a Command Prompt.  The service responsible for launching\n"
    "       Command Prompt channels has not yet registered.  This may be because the\n"
    "       service is not yet started, is disabled by the administrator, is\n"
    "       malfunctioning or is unresponsive.\n"
)
EVENT = "EVENT: The CMD command is now available."
CREATED = 'EVENT:   A new channel has been created.  Use "ch -?" for channel help.\nChannel: '
VIEW = (
    "Name:                  {0}\nDescription:           Command\nType:                  VT-UTF8\n"
    "Channel GUID:          e203fb79-d80d-11ea-87e3-c2679e14957d\n"
    "Application Type GUID: 63d02271-8aa4-11d5-bccf-00b0d014a2d0\n\n"
    "Press <esc><tab> for next channel.\nPress <esc><tab>0 to return to the SAC channel.\n"
    "Use any other key to view this channel.\n\n"
)
