/* keys.c - the keys of the running demo, read from the files that its settings name. */
#include <ctype.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/integration/it.h"

#define MAX_KEYS 16

static struct key keys[MAX_KEYS];
static int key_count;
static char socket_path[512];

int keys_count(void) {
    return key_count;
}

const struct key *keys_at(int i) {
    return &keys[i];
}

const char *key_named(const char *name) {
    for (int i = 0; i < key_count; i++)
        if (strcmp(keys[i].name, name) == 0)
            return keys[i].text;
    return NULL;
}

const char *demo_socket(void) {
    return *socket_path ? socket_path : NULL;
}

void keys_add(const char *name, const char *text) {
    size_t n = text ? strlen(text) : 0;
    while (n && isspace((unsigned char)text[n - 1]))
        n--;
    if (n < 8 || n >= sizeof keys[0].text || key_count == MAX_KEYS || key_named(name))
        return;
    snprintf(keys[key_count].name, sizeof keys[0].name, "%s", name);
    memcpy(keys[key_count].text, text, n);
    keys[key_count++].text[n] = '\0';
}

static void read_key_file(const char *name, char *path) {
    char text[512] = "";
    while (*path == ' ' || *path == '\t' || *path == '=')
        path++;
    path[strcspn(path, "\r\n")] = '\0';
    FILE *f = fopen(path, "r");
    if (f && fgets(text, sizeof text, f))
        keys_add(name, text);
    if (f)
        fclose(f);
}

/* "listen = /path" or "listen = unix:/path" of our settings; nginx's has no equals sign. */
static void read_listen(char *value) {
    while (*value == ' ' || *value == '\t')
        value++;
    if (*value++ != '=')
        return;
    const char *from = strchr(value, '/');
    if (from)
        snprintf(socket_path, sizeof socket_path, "%.*s", (int)strcspn(from, " \r\n;"), from);
}

static void read_settings(const char *path) {
    static const char *const names[] = {"developer_key_file", "access_key_file", "csrf_key_file",
                                        "secret_file"};
    char line[1024];
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, "listen", 6) == 0)
            read_listen(line + 6);
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            size_t n = strlen(names[i]);
            if (strncmp(line, names[i], n) == 0)
                read_key_file(names[i], line + n);
        }
    }
    if (f)
        fclose(f);
}

static int find_settings(const char *path, const struct stat *s, int type, struct FTW *at) {
    (void)at;
    size_t n = strlen(path);
    if (type == FTW_F && s->st_size < 100000 && n > 5 && strcmp(path + n - 5, ".conf") == 0)
        read_settings(path);
    return 0;
}

int keys_load(void) {
    if (it.folder && key_count == 0)
        nftw(it.folder, find_settings, 16, FTW_PHYS);
    if (it.state && key_count == 0)
        nftw(it.state, find_settings, 16, FTW_PHYS);
    return key_count;
}
