# Opens a tun device as a file descriptor of the program that follows: NAME DESCRIPTOR PROGRAM ARGUMENTS…
import fcntl
import os
import struct
import sys

TUNSETIFF, IFF_TUN_WITHOUT_HEADER = 0x400454CA, 0x1001

device = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", sys.argv[1].encode(), IFF_TUN_WITHOUT_HEADER))
os.dup2(device, int(sys.argv[2]))
os.execvp(sys.argv[3], sys.argv[3:])
