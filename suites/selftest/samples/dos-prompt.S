# A boot disk that answers like FreeDOS at its prompt, for lack of FreeDOS itself: it knows a few commands by heart.
        .code16
        .globl  _start
_start: cli
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    $0x7c00, %sp
        sti
        cld
        movw    $0x0204, %ax            # read four sectors after this one
        movw    $0x7e00, %bx
        movw    $0x0002, %cx
        movb    $0, %dh
        int     $0x13
        jmp     main
        .org    510
        .word   0xaa55

main:   call    clear
again:  movw    $prompt, %si
        call    puts
        movw    $line, %di
1:      xorb    %ah, %ah
        int     $0x16
        cmpb    $13, %al
        je      2f
        stosb
        call    putc
        jmp     1b
2:      movb    $0, (%di)
        movw    $newline, %si
        call    puts
        movw    $table, %bx
3:      movw    (%bx), %si
        testw   %si, %si
        jz      unknown
        movw    $line, %di
4:      lodsb
        cmpb    (%di), %al
        jne     5f
        incw    %di
        testb   %al, %al
        jnz     4b
        movw    2(%bx), %si
        cmpw    $1, %si
        jb      6f
        je      7f
        movb    $'0', status
        call    puts
        jmp     again
5:      addw    $4, %bx
        jmp     3b
6:      call    clear
        jmp     again
7:      movw    $rc, %si
        call    puts
        movb    status, %al
        call    putc
        movw    $newline, %si
        call    puts
        jmp     again
unknown:
        movb    $'1', status
        movw    $bad, %si
        call    puts
        movw    $line, %si
        call    puts
        movw    $worse, %si
        call    puts
        jmp     again

clear:  movw    $3, %ax
        int     $0x10
        ret
putc:   movb    $0x0e, %ah
        movw    $7, %bx
        int     $0x10
        ret
puts:   lodsb
        testb   %al, %al
        jz      8f
        pushw   %si
        call    putc
        popw    %si
        jmp     puts
8:      ret

status: .byte   '0'
prompt: .ascii  "\r\nA:\\>\0"
newline: .ascii "\r\n\0"
rc:     .ascii  "rc \0"
bad:    .ascii  "Bad command or filename - \"\0"
worse:  .ascii  "\".\r\n\0"
table:  .word   cls, 0, echo, 1, ver, version, dir, listing, mem, memory, copy, copied, long, flood, 0
cls:    .asciz  "cls"
echo:   .asciz  "echo rc %errorlevel%"
ver:    .asciz  "ver /r"
dir:    .asciz  "dir b:"
mem:    .asciz  "mem"
copy:   .asciz  "copy /b b:\\p.bin b:\\q.bin"
long:   .asciz  "type long"
version:
        .ascii  "\r\nFreeCom version 0.82 pl 3 XMS_Swap [Dec 10 2003 06:49:21]\r\n"
        .ascii  "DOS version 7.10\r\nFreeDOS kernel version 0.0.40\r\n\0"
listing:
        .ascii  " Volume in drive B is TARGET\r\n Volume Serial Number is 889D-85A3\r\n Directory of B:\\\r\n\r\n"
        .ascii  "P        BIN       300,000  11-22-26  8:32a\r\n"
        .ascii  "         1 file(s)        300,000 bytes\r\n         0 dir(s)       1,157,632 bytes free\r\n\0"
memory: .ascii  "\r\nMemory Type         Total      Used      Free\r\n"
        .ascii  "Conventional         639K       12K      627K\r\nExtended (XMS)    15,296K        0K   15,296K\r\n\0"
copied: .ascii  "b:\\p.bin => b:\\q.bin\r\n\0"
flood:  .rept   30
        .ascii  "x\r\n"
        .endr
        .byte   0
line:   .skip   80
