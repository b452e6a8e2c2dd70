/*
 * minimal.c - the limit that pages are measured against: libfcgi and nothing else.  Answers every request
 * with the bytes of one file, from as many threads as the program under test has workers.
 *
 * usage: minimal SOCKET FILE THREADS
 */
#include <fcgiapp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static char page[65536];
static int page_size, listening;

static void *serve(void *unused) {
    FCGX_Request r;
    FCGX_InitRequest(&r, listening, 0);
    while (FCGX_Accept_r(&r) == 0) {
        FCGX_FPrintF(r.out, "Status: 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n");
        FCGX_PutStr(page, page_size, r.out);
        FCGX_Finish_r(&r);
    }
    return unused;
}

int main(int argc, char **argv) {
    FILE *file = argc == 4 ? fopen(argv[2], "r") : NULL;
    if (!file) {
        fprintf(stderr, "usage: %s SOCKET FILE THREADS\n", argv[0]);
        return 2;
    }
    page_size = (int)fread(page, 1, sizeof page, file);
    fclose(file);
    FCGX_Init();
    listening = FCGX_OpenSocket(argv[1], 1024);
    pthread_t thread;
    for (int i = (int)strtol(argv[3], NULL, 10); i > 1; i--)
        pthread_create(&thread, NULL, serve, NULL);
    serve(NULL);
    return 0;
}
