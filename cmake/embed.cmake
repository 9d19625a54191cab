# SPDX-License-Identifier: GPL-2.0-or-later
# A file as a C string: cmake -DFROM=a.sql -DTO=a.c -DNAME=imapid_a_sql -P embed.cmake
file(READ ${FROM} octets HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," octets "${octets}")
string(REGEX REPLACE "(................................................................................)"
       "\\1\n" octets "${octets}")
file(WRITE ${TO} "extern const char ${NAME}[];\nconst char ${NAME}[] = {\n${octets}0x00};\n")
