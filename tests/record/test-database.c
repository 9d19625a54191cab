/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records in a database: all or nothing, the same record once, and no file of another program is
 * touched. */
#include "record/database.h"
#include "sample.h"

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>

static char *folder;

static char *path_of(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

/* The file that is being written anew, as the program has it until it is whole. */
static char *make_new(void)
{
    char *path = path_of("new");

    g_assert_true(g_file_set_contents(path, "", 0, NULL));
    return path;
}

static struct imapid_database *open_at(const char *path)
{
    char *message = NULL, *anew = make_new();
    struct imapid_database *database = imapid_database_open(anew, path, &message);

    g_free(anew);
    g_assert_null(message);
    g_assert_nonnull(database);
    return database;
}

static void close_well(struct imapid_database *database, const char *path)
{
    char *message = NULL, *anew = path_of("new");

    g_assert_false(imapid_database_has_failed(database));
    g_assert_true(imapid_database_finish(database, &message));
    g_assert_null(message);
    g_assert_cmpint(g_rename(anew, path), ==, 0);
    imapid_database_free(database);
    g_free(anew);
}

/* The number that a query gives. */
static int ask(const char *path, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    int n;

    g_assert_cmpint(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), ==, SQLITE_OK);
    n = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int(statement, 0) : -1;
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return n;
}

static void add_all(struct imapid_database *database, const char *name, bool complete)
{
    struct sample *sample = sample_new();
    struct imapid_record_session session = sample_session();
    struct imapid_record_capture capture = sample_capture();

    sample_pair(sample, IMAPID_CLIENT, "name", name);
    sample->exchange.complete = complete;
    imapid_database_add_exchange(database, &sample->exchange);
    imapid_database_add_session(database, &session);
    imapid_database_add_capture(database, &capture);
    sample_free(sample);
}

static void test_twice(void)
{
    char *path = path_of("twice.db");
    struct imapid_database *database = open_at(path);

    add_all(database, "Mutt", false);
    close_well(database, path);
    database = open_at(path);
    add_all(database, "Mutt", true); /* a later state of the same one */
    close_well(database, path);
    g_assert_cmpint(ask(path, "SELECT count(*) FROM exchange"), ==, 1);
    g_assert_cmpint(ask(path, "SELECT complete FROM exchange"), ==, 1);
    g_assert_cmpint(ask(path, "SELECT count(*) FROM session"), ==, 1);
    g_assert_cmpint(ask(path, "SELECT count(*) FROM capture"), ==, 1);
    g_assert_cmpint(ask(path, "SELECT count(*) FROM exchange WHERE client_name = 'Mutt'"), ==, 1);
    g_free(path);
}

static void test_lists_once(void)
{
    char *path = path_of("lists.db");
    struct imapid_database *database = open_at(path);

    for (unsigned i = 0; i < 10; i++) {
        struct sample *sample = sample_new();

        sample->exchange.conn.stream = i;
        sample_pair(sample, IMAPID_CLIENT, "name", "Mutt");
        imapid_database_add_exchange(database, &sample->exchange);
        sample_free(sample);
    }
    close_well(database, path);
    g_assert_cmpint(ask(path, "SELECT count(*) FROM exchange"), ==, 10);
    g_assert_cmpint(ask(path, "SELECT count(DISTINCT client_list) FROM exchange"), ==, 1);
    g_assert_cmpint(ask(path, "SELECT count(*) FROM pair WHERE value = 'Mutt'"), ==, 10);
    g_free(path);
}

/* Before it is closed, nothing of it is seen. */
static void test_all_or_nothing(void)
{
    char *path = path_of("none.db");
    struct imapid_database *database = open_at(path);

    close_well(database, path);
    database = open_at(path);
    add_all(database, "Mutt", true);
    g_assert_cmpint(ask(path, "SELECT count(*) FROM exchange"), ==, 0);
    close_well(database, path);
    g_assert_cmpint(ask(path, "SELECT count(*) FROM exchange"), ==, 1);
    g_free(path);
}

static bool never_gives_up(unsigned milliseconds)
{
    (void)milliseconds;
    return false;
}

/* While somebody else has it locked nobody waits who brings records, and none is lost. */
static void test_live_is_locked(void)
{
    char *path = path_of("locked.db"), *message = NULL;
    struct imapid_database *database = imapid_database_open_live(path, never_gives_up, &message);
    struct sample *sample = sample_new();
    struct imapid_record_session session = sample_session();
    sqlite3 *other;

    g_assert_nonnull(database);
    g_assert_cmpint(sqlite3_open(path, &other), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
    for (unsigned i = 0; i < 2000; i++) {
        sample->exchange.conn.stream = session.conn.stream = i;
        imapid_database_add_exchange(database, &sample->exchange);
        imapid_database_add_session(database, &session);
    }
    g_assert_cmpint(ask(path, "SELECT count(*) FROM exchange"), ==, 0);
    sample_free(sample); /* what waits are copies */
    g_assert_cmpint(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), ==, SQLITE_OK);
    sqlite3_close(other);
    g_assert_true(imapid_database_finish(database, &message));
    imapid_database_free(database);
    g_assert_cmpint(ask(path, "SELECT count(*) FROM exchange"), ==, 2000);
    g_assert_cmpint(ask(path, "SELECT count(*) FROM session"), ==, 2000);
    g_free(path);
}

static bool gives_up(unsigned milliseconds)
{
    (void)milliseconds;
    return true;
}

/* Who gives up is told so, and nobody waits for ever. */
static void test_live_gives_up(void)
{
    char *path = path_of("given-up.db"), *message = NULL;
    struct imapid_database *database = imapid_database_open_live(path, gives_up, &message);
    struct imapid_record_session session = sample_session();
    sqlite3 *other;

    g_assert_nonnull(database);
    g_assert_cmpint(sqlite3_open(path, &other), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
    imapid_database_add_session(database, &session);
    while (!imapid_database_has_failed(database))
        g_usleep(1000);
    imapid_database_add_session(database, &session);
    g_assert_false(imapid_database_finish(database, &message));
    g_assert_nonnull(strstr(message, "locked"));
    imapid_database_free(database);
    sqlite3_close(other);
    g_free(message);
    g_free(path);
}

static void assert_refused(const char *path)
{
    char *message = NULL, *anew = make_new();

    g_assert_null(imapid_database_open(anew, path, &message));
    g_free(anew);
    g_assert_nonnull(message);
    g_assert_nonnull(strstr(message, path));
    g_free(message);
}

static void test_refused(void)
{
    static const char text[] = "this is somebody's text, which is no database at all";
    char *path = path_of("text"), *other = path_of("other.db"), *content;
    sqlite3 *db;

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    assert_refused(path);
    g_assert_true(g_file_get_contents(path, &content, NULL, NULL));
    g_assert_cmpstr(content, ==, text);
    g_assert_cmpint(sqlite3_open(other, &db), ==, SQLITE_OK);
    g_assert_cmpint(
        sqlite3_exec(db, "CREATE TABLE mine (a); PRAGMA user_version = 2", NULL, NULL, NULL), ==,
        SQLITE_OK);
    sqlite3_close(db);
    assert_refused(other);
    g_assert_cmpint(ask(other, "SELECT count(*) FROM sqlite_master"), ==, 1);
    assert_refused(folder);
    g_free(content);
    g_free(path);
    g_free(other);
}

int main(int argc, char **argv)
{
    int result;
    GDir *dir;

    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("imapid-test-XXXXXX", NULL);
    g_assert_nonnull(folder);
    g_test_add_func("/database/twice", test_twice);
    g_test_add_func("/database/lists-once", test_lists_once);
    g_test_add_func("/database/all-or-nothing", test_all_or_nothing);
    g_test_add_func("/database/live/locked", test_live_is_locked);
    g_test_add_func("/database/live/gives-up", test_live_gives_up);
    g_test_add_func("/database/refused", test_refused);
    result = g_test_run();
    dir = g_dir_open(folder, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        char *path = path_of(name);

        g_unlink(path);
        g_free(path);
    }
    if (dir)
        g_dir_close(dir);
    g_rmdir(folder);
    g_free(folder);
    return result;
}
