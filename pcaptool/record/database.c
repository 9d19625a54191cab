/* SPDX-License-Identifier: GPL-2.0-or-later */
/* database.c: writes records into SQLite. The file is a new one that nobody else knows yet, so
 * there is no journal: after a failure it is thrown away.
 *
 * Where records come without an end, it is the file itself, with a write-ahead log. Records are there after
 * a moment, some together in one transaction, and others read and write meanwhile. All files are opened before
 * the first record and stay: whoever writes may by then neither open nor delete.
 *
 * Values are bound by the names of their columns, so that a statement and what fills it agree.
 *
 * Refuses a database of another program (application_id) or of another version (user_version).
 *
 * Misuse: publishing the file after imapid_database_finish() returned false; thinking that a record was
 * lost because another program has the lock: it is waited for. */
#include "record/database.h"

#include "failure.h"
#include "record/copy.h"
#include "record/pool.h"
#include "record/spell-record.h"
#include "record/spell.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>

/* "imid", as PRAGMA application_id; and the version of the tables. */
#define APPLICATION 0x696d6964
#define VERSION     6

/* KiB of pages that are kept in memory. */
#define CACHE_KIB "32768"

/* Milliseconds to wait for somebody else's lock. */
#define PATIENCE_MS 10000

/* How long a record waits for others, so that one transaction writes many. */
#define GATHER_MS 250

/* Octets of records that may wait while somebody else has the database locked; then who brings more waits, too. */
#define QUEUE_MAX (64u << 20)

/* Copies of records. */
struct batch {
    GPtrArray *exchanges, *sessions;
    gsize n_octets;
};

/* Records on their way from who reads to who writes, which is a thread of its own: so a lock of somebody else costs no
 * packet. */
struct queue {
    GMutex mutex;
    GCond moved;
    GThread *thread; /* NULL: nothing came yet */
    struct batch waiting;
    bool is_ending;
};

/* A statement that is filled by the names of its columns. */
struct statement {
    sqlite3_stmt *sql;
    char **
        names; /* copies: SQLite prepares it anew, names and all, where another program has changed the schema */
    int n, last; /* the place from 0 that was filled last: mostly the next one follows */
};

struct imapid_database {
    GMutex mutex;    /* guards what follows but the queue, which is locked for a moment at most */
    gint has_failed; /* atomic */
    sqlite3 *db;
    sqlite3 *earlier; /* what it is to replace, which nobody else may change meanwhile */
    char *path;       /* of that one: that of the new one is nobody's business */
    char *error;      /* the first failure */
    struct statement capture, session, exchange, continued, list, pair;
    sqlite3_int64
        n_before; /* the largest id of a session that an earlier run told; 0: there was none */
    /* What this run tells of what was there before; `sql` is NULL where nothing was, or captures are no pieces of one. */
    struct statement written, reading, settle, forget;
    bool has_seam; /* a session may be the rest of one that an earlier run told */
    sqlite3_stmt *find_list;
    bool has_continued;
    sqlite3_stmt *begin, *commit;            /* of some records; NULL: all are one transaction */
    struct queue *queue;                     /* records that are to be written; NULL: none waits */
    bool (*gives_up)(unsigned milliseconds); /* see imapid_database_open_live() */
    struct imapid_pool *lists;               /* what those say that were put in lately */
    GArray *list_ids;                        /* and their numbers: sqlite3_int64 */
};

/* Lists that are remembered, so that they need not be looked up: those of many programs. */
#define LISTS_MAX 65536

/* Made strings at build time: database.sql, database-seam.sql. */
extern const char imapid_database_sql[], imapid_database_seam_sql[];

/* ---- failures ---- */

/* For a full disk SQLite has a number of its own; of other errors it keeps what errno was. */
static void fail(struct imapid_database *database)
{
    bool is_full = sqlite3_errcode(database->db) == SQLITE_FULL;

    (void)imapid_failure_of_output(is_full ? ENOSPC : sqlite3_system_errno(database->db));
    if (!database->error)
        database->error = g_strdup_printf("%s: %s", database->path, sqlite3_errmsg(database->db));
    g_atomic_int_set(&database->has_failed, 1);
}

static void execute(struct imapid_database *database, const char *sql)
{
    if (!database->error && sqlite3_exec(database->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail(database);
}

static sqlite3_stmt *prepare(struct imapid_database *database, const char *sql)
{
    sqlite3_stmt *statement = NULL;

    if (!database->error &&
        sqlite3_prepare_v2(database->db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail(database);
    return statement;
}

static struct statement prepare_named(struct imapid_database *database, const char *sql)
{
    struct statement statement = {.sql = prepare(database, sql)};

    statement.n = sqlite3_bind_parameter_count(statement.sql);
    statement.names = g_new0(char *, statement.n + 1);
    for (int i = 0; i < statement.n; i++)
        statement.names[i] = g_strdup(sqlite3_bind_parameter_name(statement.sql, i + 1) + 1);
    return statement;
}

static void finalize_named(struct statement *statement)
{
    sqlite3_finalize(statement->sql);
    g_strfreev(statement->names);
    *statement = (struct statement){0};
}

static int read_pragma(struct imapid_database *database, const char *sql)
{
    sqlite3_stmt *statement = prepare(database, sql);
    int value = 0;

    if (statement && sqlite3_step(statement) == SQLITE_ROW)
        value = sqlite3_column_int(statement, 0);
    else
        fail(database);
    sqlite3_finalize(statement);
    return value;
}

/* ---- tables ---- */

static void append_columns(GString *sql, const char *prefix)
{
    for (int i = 0; i < IMAPID_N_FIELDS; i++)
        g_string_append_printf(sql, "  %s_%s TEXT,\n", prefix,
                               imapid_field_column((enum imapid_field)i));
    g_string_append_printf(sql, "  %s_other TEXT,", prefix);
}

/* The tables, or else the indexes. */
static void make(struct imapid_database *database, bool indexes)
{
    const char *rest = strstr(imapid_database_sql, "-- @INDEXES@");
    GString *client = g_string_new(NULL), *server = g_string_new(NULL);
    GString *sql = indexes ? g_string_new(rest)
                           : g_string_new_len(imapid_database_sql, rest - imapid_database_sql);

    append_columns(client, "client");
    append_columns(server, "server");
    g_string_replace(sql, "@CLIENT_COLUMNS@ and @SERVER_COLUMNS@", "what follows", 1);
    g_string_replace(sql, "@CLIENT_COLUMNS@", client->str, 1);
    g_string_replace(sql, "@SERVER_COLUMNS@", server->str, 1);
    execute(database, sql->str);
    g_string_free(client, TRUE);
    g_string_free(server, TRUE);
    g_string_free(sql, TRUE);
}

/* INSERT INTO table (a, b) VALUES (:a, :b) ON CONFLICT (key) DO UPDATE SET a = excluded.a, ... */
static struct statement prepare_upsert(struct imapid_database *database, const char *table,
                                       const char *key, const char *tail)
{
    char *info =
        g_strdup_printf("SELECT name FROM pragma_table_info('%s') WHERE name <> 'id'", table);
    sqlite3_stmt *columns = prepare(database, info);
    struct statement statement;
    GString *names = g_string_new(NULL), *values = g_string_new(NULL), *set = g_string_new(NULL);
    char *sql;

    while (columns && sqlite3_step(columns) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(columns, 0);
        const char *comma = names->len ? ", " : "";

        g_string_append_printf(names, "%s%s", comma, name);
        g_string_append_printf(values, "%s:%s", comma, name);
        g_string_append_printf(set, "%s%s = excluded.%s", comma, name, name);
    }
    sql = g_strdup_printf("INSERT INTO %s (%s) VALUES (%s) ON CONFLICT (%s) DO UPDATE SET %s %s",
                          table, names->str, values->str, key, set->str, tail);
    sqlite3_finalize(columns);
    statement = prepare_named(database, sql);
    g_string_free(names, TRUE);
    g_string_free(values, TRUE);
    g_string_free(set, TRUE);
    g_free(sql);
    g_free(info);
    return statement;
}

/* The key of a connection; and a row of one that is bound. Another capture under the same name has the
 * same keys with other ends. */
#define KEY   "ifnull(session, site || ':' || file || '/' || stream)"
#define BOUND KEY " = :session AND client_ip = :client_ip AND client_port = :client_port "

/* What is asked of rows that an earlier run has left: are there any? */
static bool prepare_earlier(struct imapid_database *database)
{
    sqlite3_stmt *max = prepare(database, "SELECT ifnull(max(id), 0) FROM session");

    if (max && sqlite3_step(max) == SQLITE_ROW)
        database->n_before = sqlite3_column_int64(max, 0);
    sqlite3_finalize(max);
    if (!database->n_before)
        return false;
    execute(database, "CREATE TEMP TABLE written (id INTEGER PRIMARY KEY)");
    database->written =
        prepare_named(database, "INSERT OR IGNORE INTO temp.written (id) VALUES (:id)");
    database->settle = prepare_named(
        database, "DELETE FROM exchange WHERE " BOUND "AND status IS NULL AND "
                  "response_frame IS NULL AND id NOT IN (SELECT id FROM temp.written) AND "
                  "EXISTS (SELECT 1 FROM session WHERE " BOUND "AND last <= :last)");
    database->forget = prepare_named(database, "DELETE FROM temp.written WHERE id IN "
                                               "(SELECT id FROM exchange WHERE " BOUND ")");
    return true;
}

/* What is there is replaced, but not by an earlier state of a capture that was still being written:
 * the order in which records come makes no difference. */
static void prepare_all(struct imapid_database *database)
{
    bool is_earlier = prepare_earlier(database);

#define NEWER                                                                                      \
    "WHERE (excluded.status IS NOT NULL, excluded.response_frame IS NOT NULL) >= "                 \
    "(exchange.status IS NOT NULL, exchange.response_frame IS NOT NULL)"
#define CONN KEY ", client_ip, client_port, server_ip, server_port"
    database->capture = prepare_upsert(database, "capture", "site, file",
                                       "WHERE excluded.packets >= capture.packets");
    database->session = prepare_upsert(
        database, "session", CONN,
        "WHERE (ifnull(excluded.last, ''), excluded.exchanges) >= (ifnull(session.last, ''), "
        "session.exchanges)");
    database->exchange = prepare_upsert(
        database, "exchange",
        CONN
        ", ifnull(time, ''), frame, ifnull(tag, ''), ifnull(CASE WHEN command_frame IS NULL THEN "
        "server_list ELSE client_list END, 0)",
        is_earlier ? NEWER " RETURNING id" : NEWER);
    database->continued =
        prepare_named(database, "INSERT OR IGNORE INTO continued (session) VALUES (:session)");
    database->find_list = prepare(database, "SELECT says FROM list WHERE id = :id");
    database->list = prepare_named(database, "INSERT INTO list (id, says) VALUES (:id, :says)");
    database->pair = prepare_named(
        database, "INSERT INTO list_pair (list, n, field, value, field_hex, value_hex) "
                  "VALUES (:list, :n, :field, :value, :field_hex, :value_hex)");
}

/* Is it ours, or new? */
static void check_owner(struct imapid_database *database)
{
    int application = read_pragma(database, "PRAGMA application_id");
    int version = read_pragma(database, "PRAGMA user_version");
    int n_tables = read_pragma(database, "SELECT count(*) FROM sqlite_schema");

    if (database->error)
        return;
    if (n_tables && application != APPLICATION)
        database->error = g_strdup_printf("%s: is a database of another program", database->path);
    else if (version > VERSION)
        database->error = g_strdup_printf("%s: was made by a later version", database->path);
    else if (n_tables && version < VERSION)
        database->error =
            g_strdup_printf("%s: was made by an earlier version; name a new file", database->path);
}

/* Who writes can't be copied from: that takes a connection of its own. */
static void copy(struct imapid_database *database)
{
    sqlite3_backup *backup = NULL;
    sqlite3 *from = NULL;

    if (sqlite3_open_v2(database->path, &from, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK)
        backup = sqlite3_backup_init(database->db, "main", from, "main");
    if (!backup || sqlite3_backup_step(backup, -1) != SQLITE_DONE)
        database->error = g_strdup_printf("%s: cannot be copied", database->path);
    sqlite3_backup_finish(backup);
    sqlite3_close(from);
}

/* Sets the journal mode; where somebody else has the database open it may stay as it was. Is it "wal" then? */
static bool is_wal_after(sqlite3 *db, const char *pragma)
{
    sqlite3_stmt *statement = NULL;
    bool found = false;

    if (sqlite3_prepare_v2(db, pragma, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        found = !g_strcmp0((const char *)sqlite3_column_text(statement, 0), "wal");
    sqlite3_finalize(statement);
    return found;
}

/* What its last user left undone is done first, as SQLite does. Then nobody else may write. */
static void copy_earlier(struct imapid_database *database)
{
    /* The log is a file of its own, which would be left beside the new database. */
    if (is_wal_after(database->earlier, "PRAGMA journal_mode = DELETE"))
        database->error = g_strdup_printf("%s: another program has it open, with a write-ahead log",
                                          database->path);
    else if (sqlite3_exec(database->earlier, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK)
        copy(database);
    else
        database->error =
            g_strdup_printf("%s: %s", database->path, sqlite3_errmsg(database->earlier));
}

static void open_both(struct imapid_database *database, const char *path, const char *earlier)
{
    if (sqlite3_open_v2(path, &database->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        fail(database);
    execute(database, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; "
                      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = MEMORY; "
                      "PRAGMA cache_size = -" CACHE_KIB);
    if (!g_file_test(earlier, G_FILE_TEST_EXISTS))
        return;
    if (sqlite3_open_v2(earlier, &database->earlier, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK) {
        sqlite3_busy_timeout(database->earlier, PATIENCE_MS);
        copy_earlier(database);
    } else {
        database->error =
            g_strdup_printf("%s: %s", database->path, sqlite3_errmsg(database->earlier));
    }
}

/* Begins a transaction, in which there are the tables. */
static void begin_tables(struct imapid_database *database)
{
    char *pragmas = g_strdup_printf("PRAGMA application_id = %d; PRAGMA user_version = %d",
                                    APPLICATION, VERSION);

    execute(database, "BEGIN IMMEDIATE");
    check_owner(database);
    execute(database, pragmas);
    g_free(pragmas);
    if (!database->error)
        make(database, false);
}

static struct imapid_database *new_database(const char *path)
{
    struct imapid_database *database = g_new0(struct imapid_database, 1);

    g_mutex_init(&database->mutex);
    database->path = g_strdup(path);
    database->lists = imapid_pool_new();
    database->list_ids = g_array_new(FALSE, FALSE, sizeof(sqlite3_int64));
    return database;
}

/* NULL, with the message, where opening has failed. */
static struct imapid_database *end_opening(struct imapid_database *database, char **message)
{
    if (!database->error)
        return database;
    imapid_database_finish(database, message);
    imapid_database_free(database);
    return NULL;
}

struct imapid_database *imapid_database_open(const char *path, const char *earlier, char **message)
{
    struct imapid_database *database = new_database(earlier);

    open_both(database, path, earlier);
    begin_tables(database);
    prepare_all(database);
    return end_opening(database, message);
}

/* ---- records that wait ---- */

static struct batch new_batch(void)
{
    return (struct batch){
        g_ptr_array_new_with_free_func((GDestroyNotify)imapid_record_exchange_free),
        g_ptr_array_new_with_free_func((GDestroyNotify)imapid_copy_session_free), 0};
}

static void free_batch(struct batch *batch)
{
    g_ptr_array_unref(batch->exchanges);
    g_ptr_array_unref(batch->sessions);
}

static struct queue *new_queue(void)
{
    struct queue *queue = g_new0(struct queue, 1);

    g_mutex_init(&queue->mutex);
    g_cond_init(&queue->moved);
    queue->waiting = new_batch();
    return queue;
}

static void free_queue(struct queue *queue)
{
    if (!queue)
        return;
    free_batch(&queue->waiting);
    g_cond_clear(&queue->moved);
    g_mutex_clear(&queue->mutex);
    g_free(queue);
}

/* ---- the file itself ---- */

/* Milliseconds between two tries to get a lock. */
#define PAUSE_MS 20u

/* How often a database that was replaced while it was opened is opened again. */
#define N_OPENS 10

static int on_busy(void *ctx, int n_times)
{
    const struct imapid_database *database = ctx;

    if (database->gives_up((unsigned)n_times * PAUSE_MS))
        return 0;
    g_usleep(PAUSE_MS * 1000);
    return 1;
}

/* Was the file replaced, or deleted, while its lock was waited for? */
static bool has_moved(struct imapid_database *database)
{
    int moved = 0;

    return sqlite3_file_control(database->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) ==
               SQLITE_OK &&
           moved;
}

/* A write, so that both files of the log are there, and open. */
static void begin_log(struct imapid_database *database)
{
    int keeps_files = 1;
    char *write = g_strdup_printf("PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE; "
                                  "PRAGMA user_version = %d; COMMIT",
                                  VERSION);

    execute(database, "COMMIT");
    if (!database->error && !is_wal_after(database->db, "PRAGMA journal_mode = WAL"))
        database->error =
            g_strdup_printf("%s: cannot have a write-ahead log: another program reads it, or "
                            "it is on a network file system",
                            database->path);
    execute(database, write);
    g_free(write);
    if (!database->error)
        sqlite3_file_control(database->db, "main", SQLITE_FCNTL_PERSIST_WAL, &keeps_files);
}

static void open_live(struct imapid_database *database)
{
    if (sqlite3_open_v2(database->path, &database->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                        NULL) != SQLITE_OK)
        fail(database);
    sqlite3_busy_handler(database->db, on_busy, database);
    execute(database, "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -" CACHE_KIB);
    begin_tables(database);
    if (!database->error)
        make(database, true);
}

struct imapid_database *
imapid_database_open_live(const char *path, bool (*gives_up)(unsigned milliseconds), char **message)
{
    struct imapid_database *database = new_database(path);

    database->gives_up = gives_up;
    open_live(database);
    for (int i = 1; i < N_OPENS && !database->error && has_moved(database); i++) {
        sqlite3_close(database->db);
        open_live(database);
    }
    begin_log(database);
    prepare_all(database);
    database->begin = prepare(database, "BEGIN IMMEDIATE");
    database->commit = prepare(database, "COMMIT");
    database->queue = new_queue();
    return end_opening(database, message);
}

/* ---- values ---- */

static int place(struct statement *statement, const char *name)
{
    for (int i = 0; i < statement->n; i++) {
        statement->last = statement->last + 1 < statement->n ? statement->last + 1 : 0;
        if (!strcmp(statement->names[statement->last], name))
            return statement->last + 1;
    }
    return 0; /* there is no such column: nothing is bound */
}

/* The octets have to stay until the statement has run, where they are UTF-8. */
static void bind_octets(struct statement *statement, const char *name, const uint8_t *octets,
                        size_t n)
{
    GString *text;

    if (octets && imapid_spell_is_utf8(octets, n)) {
        sqlite3_bind_text64(statement->sql, place(statement, name), (const char *)octets, n,
                            SQLITE_STATIC, SQLITE_UTF8);
        return;
    }
    text = g_string_new(NULL);
    imapid_spell_utf8(text, octets, n);
    sqlite3_bind_text64(statement->sql, place(statement, name), text->str, text->len,
                        SQLITE_TRANSIENT, SQLITE_UTF8);
    g_string_free(text, TRUE);
}

/* A text of this file's own, which is freed. */
static void bind_own(struct statement *statement, const char *name, GString *text)
{
    gsize n = text->len;

    sqlite3_bind_text64(statement->sql, place(statement, name), g_string_free(text, FALSE), n,
                        g_free, SQLITE_UTF8);
}

static void bind_text(struct statement *statement, const char *name, const char *text)
{
    if (text)
        bind_octets(statement, name, (const uint8_t *)text, strlen(text));
}

static void bind_string(struct statement *statement, const char *name,
                        const struct imapid_record_string *string)
{
    if (string && !string->is_nil)
        bind_octets(statement, name, string->octets, string->n);
}

static void bind_number(struct statement *statement, const char *name, uint64_t number)
{
    sqlite3_bind_int64(statement->sql, place(statement, name), (sqlite3_int64)number);
}

static void bind_known(struct statement *statement, const char *name, enum imapid_known known)
{
    if (known != IMAPID_UNKNOWN)
        bind_number(statement, name, known == IMAPID_YES);
}

static void bind_time(struct statement *statement, const char *name, int64_t ts_ns)
{
    GString *text;

    if (!imapid_time_is_known(ts_ns))
        return;
    text = g_string_new(NULL);
    imapid_spell_time(text, ts_ns);
    bind_own(statement, name, text);
}

static void bind_endpoint(struct statement *statement, const char *side,
                          const struct imapid_endpoint *endpoint)
{
    GString *text = g_string_new(NULL);
    char name[32];

    imapid_spell_address(text, endpoint);
    g_snprintf(name, sizeof name, "%s_ip", side);
    bind_own(statement, name, text);
    g_snprintf(name, sizeof name, "%s_port", side);
    bind_number(statement, name, endpoint->port);
}

static void bind_spelled(struct statement *statement, const char *name,
                         void (*spell)(GString *, const struct imapid_record_conn *),
                         const struct imapid_record_conn *conn)
{
    GString *text = g_string_new(NULL);

    spell(text, conn);
    if (text->len)
        bind_own(statement, name, text);
    else
        g_string_free(text, TRUE);
}

static void bind_conn(struct statement *statement, const struct imapid_record_conn *conn)
{
    bind_text(statement, "site", conn->site ? conn->site : "");
    bind_text(statement, "file", conn->file);
    bind_number(statement, "stream", conn->stream);
    bind_endpoint(statement, "client", &conn->client);
    bind_endpoint(statement, "server", &conn->server);
    if (conn->proxied_client.family)
        bind_endpoint(statement, "proxied_client", &conn->proxied_client);
    bind_spelled(statement, "session", imapid_spell_session_id, conn);
    bind_spelled(statement, "community_id", imapid_spell_community_id, conn);
    bind_spelled(statement, "filter", imapid_spell_filter, conn);
    if (conn->path.n)
        bind_spelled(statement, "path", imapid_spell_path, conn);
    bind_spelled(statement, "doubts", imapid_spell_doubts, conn);
}

static void bind_findings(struct statement *statement, const struct imapid_record_finding *findings,
                          unsigned n)
{
    GString *text = g_string_new(NULL);

    imapid_spell_findings(text, findings, n);
    bind_own(statement, "findings", text);
}

static void bind_auths(struct statement *statement, const struct imapid_record_session *session)
{
    GString *text = g_string_new(NULL);

    imapid_spell_auths(text, session);
    bind_own(statement, "auth", text);
}

/* The id of the row that was written, of a statement that returns it; else 0. */
static sqlite3_int64 run_for_id(struct imapid_database *database, sqlite3_stmt *statement)
{
    sqlite3_int64 id = 0;
    int result;

    while ((result = sqlite3_step(statement)) == SQLITE_ROW)
        id = sqlite3_column_int64(statement, 0);
    if (result != SQLITE_DONE)
        fail(database);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return id;
}

static void run(struct imapid_database *database, sqlite3_stmt *statement)
{
    (void)run_for_id(database, statement);
}

/* ---- records ---- */

static bool begin(struct imapid_database *database)
{
    g_mutex_lock(&database->mutex);
    if (!database->error && database->begin)
        run(database, database->begin);
    if (!database->error)
        return true;
    g_mutex_unlock(&database->mutex);
    return false;
}

static void end(struct imapid_database *database)
{
    if (!database->error && database->commit)
        run(database, database->commit);
    g_mutex_unlock(&database->mutex);
}

static void add_hex(struct statement *statement, const char *name,
                    const struct imapid_record_string *string)
{
    GString *text;

    if (string->is_nil || imapid_spell_is_utf8(string->octets, string->n))
        return;
    text = g_string_new(NULL);
    imapid_spell_hex(text, string->octets, string->n);
    bind_own(statement, name, text);
}

/* ---- lists ---- */

static void add_pairs(struct imapid_database *database, sqlite3_int64 list,
                      const struct imapid_record_half *half)
{
    struct statement *statement = &database->pair;

    for (unsigned i = 0; i < half->n_pairs && !database->error; i++) {
        const struct imapid_record_pair *pair = &half->pairs[i];

        sqlite3_bind_int64(statement->sql, place(statement, "list"), list);
        bind_number(statement, "n", i);
        bind_string(statement, "field", &pair->field);
        bind_string(statement, "value", &pair->value);
        add_hex(statement, "field_hex", &pair->field);
        add_hex(statement, "value_hex", &pair->value);
        run(database, statement->sql);
    }
}

/* What tells a list from others: its pairs, and every octet where they are not UTF-8. */
static GString *spell_list(const struct imapid_record_half *half)
{
    GString *says = g_string_new(NULL);

    imapid_spell_pairs(says, half);
    for (unsigned i = 0; i < half->n_pairs; i++) {
        const struct imapid_record_string *strings[] = {&half->pairs[i].field,
                                                        &half->pairs[i].value};

        for (int k = 0; k < 2; k++)
            if (!strings[k]->is_nil && !imapid_spell_is_utf8(strings[k]->octets, strings[k]->n)) {
                g_string_append_printf(says, " %u", 2 * i + (unsigned)k);
                imapid_spell_hex(says, strings[k]->octets, strings[k]->n);
            }
    }
    return says;
}

/* A number that depends on nothing but what the list says. */
static sqlite3_int64 number_list(const GString *says)
{
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
    guint8 digest[32];
    gsize n = sizeof digest;
    guint64 number;

    g_checksum_update(sum, (const guchar *)says->str, (gssize)says->len);
    g_checksum_get_digest(sum, digest, &n);
    g_checksum_free(sum);
    memcpy(&number, digest, sizeof number);
    return (sqlite3_int64)(GUINT64_FROM_BE(number) >> 2) + 1; /* there is room for the next ones */
}

/* Is the number free, or of this list? */
static bool fits(struct imapid_database *database, sqlite3_int64 id, const GString *says,
                 bool *is_there)
{
    sqlite3_stmt *statement = database->find_list;
    bool is_other = false;

    *is_there = false;
    sqlite3_bind_int64(statement, 1, id);
    if (sqlite3_step(statement) == SQLITE_ROW) {
        *is_there = true;
        is_other = strcmp((const char *)sqlite3_column_text(statement, 0), says->str) != 0;
    }
    sqlite3_reset(statement);
    return !is_other;
}

static sqlite3_int64 put_list(struct imapid_database *database, const GString *says,
                              const struct imapid_record_half *half)
{
    sqlite3_int64 id = number_list(says);
    bool is_there;

    while (!fits(database, id, says, &is_there))
        id++;
    if (is_there)
        return id;
    sqlite3_bind_int64(database->list.sql, place(&database->list, "id"), id);
    bind_text(&database->list, "says", says->str);
    run(database, database->list.sql);
    add_pairs(database, id, half);
    return id;
}

static void forget_lists(struct imapid_database *database)
{
    imapid_pool_free(database->lists);
    database->lists = imapid_pool_new();
    g_array_set_size(database->list_ids, 0);
}

static void bind_list(struct imapid_database *database, const char *name,
                      const struct imapid_record_half *half)
{
    GString *says;
    sqlite3_int64 id;
    uint32_t number;

    if (!half->has_list)
        return;
    if (database->list_ids->len >= LISTS_MAX)
        forget_lists(database);
    says = spell_list(half);
    number = imapid_pool_add(database->lists, says->str, says->len);
    if (number == database->list_ids->len) {
        id = put_list(database, says, half);
        g_array_append_val(database->list_ids, id);
    }
    g_string_free(says, TRUE);
    sqlite3_bind_int64(database->exchange.sql, place(&database->exchange, name),
                       g_array_index(database->list_ids, sqlite3_int64, number));
}

/* ---- exchanges, sessions, captures ---- */

static void bind_half(struct statement *statement, const char *side,
                      const struct imapid_record_half *half)
{
    GString *other = g_string_new(NULL);
    unsigned told = 0;
    char name[48];

    for (unsigned i = 0; i < half->n_pairs; i++) {
        const struct imapid_record_pair *pair = &half->pairs[i];
        enum imapid_field field = IMAPID_FIELD_OTHER;

        if (!pair->field.is_nil && !pair->value.is_nil)
            field = imapid_field_find(pair->field.octets, pair->field.n);
        if (field == IMAPID_FIELD_OTHER || told >> field & 1)
            continue;
        told |= 1u << field;
        g_snprintf(name, sizeof name, "%s_%s", side, imapid_field_column(field));
        bind_string(statement, name, &pair->value);
    }
    imapid_spell_other_pairs(other, half);
    g_snprintf(name, sizeof name, "%s_other", side);
    if (other->len)
        bind_own(statement, name, other);
    else
        g_string_free(other, TRUE);
    g_snprintf(name, sizeof name, "%s_raw", side);
    if (half->is_malformed)
        bind_octets(statement, name, half->raw, half->n_raw);
}

static void bind_exchange(struct imapid_database *database,
                          const struct imapid_record_exchange *exchange)
{
    struct statement *statement = &database->exchange;
    struct imapid_stamp when = imapid_record_when(exchange);
    int64_t rtt_ns;

    bind_conn(statement, &exchange->conn);
    bind_text(statement, "tag", exchange->tag);
    bind_time(statement, "time", when.ts_ns);
    bind_number(statement, "frame", when.number);
    if (exchange->command.seen) {
        bind_number(statement, "command_frame", exchange->command.packet.number);
        bind_text(statement, "command_file", exchange->command.file);
    }
    if (exchange->response.seen) {
        bind_number(statement, "response_frame", exchange->response.packet.number);
        bind_text(statement, "response_file", exchange->response.file);
    }
    if (exchange->status != IMAPID_STATUS_NONE) {
        bind_number(statement, "result_frame", exchange->result.number);
        bind_text(statement, "result_file", exchange->result_file);
        bind_text(statement, "status", imapid_record_status(exchange->status));
        bind_string(statement, "text", &exchange->text);
    }
    if (imapid_record_rtt_ns(exchange, &rtt_ns))
        sqlite3_bind_double(statement->sql, place(statement, "rtt"), (double)rtt_ns / 1e9);
    bind_text(statement, "security", imapid_record_security(exchange->security));
    bind_number(statement, "compressed", exchange->compressed);
    bind_text(statement, "state", imapid_record_state(exchange->state));
    bind_number(statement, "complete", exchange->complete);
    bind_list(database, "client_list", &exchange->command);
    bind_list(database, "server_list", &exchange->response);
    bind_half(statement, "client", &exchange->command);
    bind_half(statement, "server", &exchange->response);
    bind_findings(statement, exchange->findings, exchange->n_findings);
}

static void write_exchange(struct imapid_database *database,
                           const struct imapid_record_exchange *exchange)
{
    sqlite3_int64 id;

    if (database->error)
        return;
    bind_exchange(database, exchange);
    id = run_for_id(database, database->exchange.sql);
    if (!id)
        return;
    bind_number(&database->written, "id", (uint64_t)id);
    run(database, database->written.sql);
}

static void bind_frame(struct statement *statement, const char *name, uint64_t frame)
{
    if (frame)
        bind_number(statement, name, frame);
}

static void bind_outcome(struct statement *statement, const struct imapid_record_outcome *outcome)
{
    if (!outcome->status)
        return;
    bind_text(statement, "stopped_at", imapid_stage_name(outcome->stopped_at));
    bind_text(statement, "stopped_by", imapid_party_name(outcome->by));
    bind_text(statement, "outcome", outcome->status);
    if (!outcome->text.is_nil)
        bind_string(statement, "outcome_text", &outcome->text);
    bind_frame(statement, "outcome_frame", outcome->frame);
    bind_text(statement, "outcome_file", outcome->file);
    bind_text(statement, "ended_by", imapid_party_name(outcome->ended_by));
    bind_frame(statement, "ended_frame", outcome->ended_frame);
    bind_text(statement, "ended_file", outcome->ended_file);
}

static void run_for(struct imapid_database *database, struct statement *statement,
                    const struct imapid_record_session *session)
{
    if (database->error || !statement->sql)
        return;
    bind_spelled(statement, "session", imapid_spell_session_id, &session->conn);
    bind_endpoint(statement, "client", &session->conn.client);
    run(database, statement->sql);
}

/* A capture that has grown: an earlier run may have told of a command that was not complete yet, under the place of the last
 * packet that there was. This run, which read on, tells of it under another. */
static void settle_earlier(struct imapid_database *database,
                           const struct imapid_record_session *session)
{
    bind_time(&database->settle, "last", session->last_ns);
    run_for(database, &database->settle, session);
    run_for(database, &database->forget, session);
    if (!database->error && database->reading.sql) {
        bind_number(&database->reading, "from_middle", !session->from_start);
        run_for(database, &database->reading, session);
        database->has_seam |= sqlite3_changes(database->db) > 0;
    }
}

static void join_seam(struct imapid_database *database)
{
    if (!database->has_seam)
        return;
    database->has_seam = false;
    execute(database, imapid_database_seam_sql);
}

static void write_session(struct imapid_database *database,
                          const struct imapid_record_session *session)
{
    struct statement *statement = &database->session;

    if (database->error)
        return;
    bind_conn(statement, &session->conn);
    bind_time(statement, "first", session->first_ns);
    bind_time(statement, "last", session->last_ns);
    bind_text(statement, "security", imapid_record_security(session->security));
    bind_number(statement, "compressed", session->compressed);
    bind_known(statement, "id_advertised", session->id_advertised);
    bind_number(statement, "exchanges", session->n_exchanges);
    bind_number(statement, "from_start", session->from_start);
    bind_text(statement, "ended", imapid_record_ended(session->ended));
    bind_number(statement, "imap", !session->not_imap);
    bind_known(statement, "healthy", session->healthy);
    bind_outcome(statement, &session->outcome);
    bind_number(statement, "lost_bytes", session->n_lost);
    bind_number(statement, "resyncs", session->n_resyncs);
    bind_known(statement, "decrypted", session->decrypted);
    bind_text(statement, "not_decrypted", session->not_decrypted);
    bind_text(statement, "tls_version", session->tls.version);
    bind_text(statement, "tls_suite", session->tls.suite);
    bind_text(statement, "tls_server_name", session->tls.server_name);
    bind_text(statement, "tls_alpn", session->tls.alpn);
    bind_auths(statement, session);
    bind_findings(statement, session->findings, session->n_findings);
    run(database, statement->sql);
    if (database->n_before)
        settle_earlier(database, session);
}

/* ---- who writes records that waited ---- */

/* Waits until there is something, and then a little for more. */
static void gather(struct queue *queue)
{
    gint64 until_us;

    while (!queue->waiting.n_octets && !queue->is_ending)
        g_cond_wait(&queue->moved, &queue->mutex);
    until_us = g_get_monotonic_time() + GATHER_MS * G_TIME_SPAN_MILLISECOND;
    while (queue->waiting.n_octets < QUEUE_MAX && !queue->is_ending &&
           g_cond_wait_until(&queue->moved, &queue->mutex, until_us))
        continue;
}

/* Nothing in it: it is the end. */
static struct batch take_batch(struct queue *queue)
{
    struct batch batch;

    g_mutex_lock(&queue->mutex);
    gather(queue);
    batch = queue->waiting;
    queue->waiting = new_batch();
    g_cond_broadcast(&queue->moved);
    g_mutex_unlock(&queue->mutex);
    return batch;
}

static void write_batch(struct imapid_database *database, const struct batch *batch)
{
    if (!begin(database))
        return;
    for (guint i = 0; i < batch->exchanges->len; i++)
        write_exchange(database, batch->exchanges->pdata[i]);
    for (guint i = 0; i < batch->sessions->len; i++)
        write_session(database, batch->sessions->pdata[i]);
    join_seam(database);
    end(database);
}

static gpointer write_all(gpointer data)
{
    struct imapid_database *database = data;
    bool is_any = true;

    while (is_any) {
        struct batch batch = take_batch(database->queue);

        is_any = batch.n_octets > 0;
        if (is_any)
            write_batch(database, &batch);
        free_batch(&batch);
    }
    return NULL;
}

/* Locks the queue when there is room in it. */
static struct queue *open_queue(struct imapid_database *database)
{
    struct queue *queue = database->queue;

    g_mutex_lock(&queue->mutex);
    if (!queue->thread)
        queue->thread = g_thread_new("database", write_all, database);
    while (queue->waiting.n_octets >= QUEUE_MAX)
        g_cond_wait(&queue->moved, &queue->mutex);
    return queue;
}

/* Who writes is woken for the first record alone, and where there is no more room. */
static void close_queue(struct queue *queue, gsize n_octets)
{
    bool was_empty = !queue->waiting.n_octets;

    queue->waiting.n_octets += n_octets;
    if (was_empty || queue->waiting.n_octets >= QUEUE_MAX)
        g_cond_broadcast(&queue->moved);
    g_mutex_unlock(&queue->mutex);
}

/* All of it is written. */
static void end_queue(struct queue *queue)
{
    if (!queue->thread)
        return;
    g_mutex_lock(&queue->mutex);
    queue->is_ending = true;
    g_cond_broadcast(&queue->moved);
    g_mutex_unlock(&queue->mutex);
    g_thread_join(queue->thread);
}

void imapid_database_add_exchange(struct imapid_database *database,
                                  const struct imapid_record_exchange *exchange)
{
    if (database->queue) {
        struct queue *queue = open_queue(database);

        g_ptr_array_add(queue->waiting.exchanges, imapid_copy_exchange(exchange));
        close_queue(queue, imapid_copy_size_of_exchange(exchange));
    } else {
        g_mutex_lock(&database->mutex);
        write_exchange(database, exchange);
        g_mutex_unlock(&database->mutex);
    }
}

void imapid_database_add_session(struct imapid_database *database,
                                 const struct imapid_record_session *session)
{
    if (database->queue) {
        struct queue *queue = open_queue(database);

        g_ptr_array_add(queue->waiting.sessions, imapid_copy_session(session));
        close_queue(queue, imapid_copy_size_of_session(session));
    } else {
        g_mutex_lock(&database->mutex);
        write_session(database, session);
        g_mutex_unlock(&database->mutex);
    }
}

/* ---- captures ---- */

static void bind_unread(struct statement *statement, const struct imapid_record_capture *capture)
{
    GString *text = g_string_new(NULL);

    imapid_spell_unread(text, capture);
    bind_own(statement, "unread", text);
}

void imapid_database_add_capture(struct imapid_database *database,
                                 const struct imapid_record_capture *capture)
{
    struct statement *statement = &database->capture;

    if (!begin(database))
        return;
    bind_text(statement, "site", capture->site ? capture->site : "");
    bind_text(statement, "file", capture->file);
    bind_text(statement, "format", capture->format);
    if (capture->has_times) {
        bind_time(statement, "first", capture->first_ns);
        bind_time(statement, "last", capture->last_ns);
    }
    bind_number(statement, "packets", capture->n_packets);
    bind_number(statement, "bytes", capture->n_octets);
    bind_number(statement, "tcp_connections", capture->n_conns);
    bind_number(statement, "imap_sessions", capture->n_sessions);
    bind_number(statement, "exchanges", capture->n_exchanges);
    bind_number(statement, "sessions_not_decrypted", capture->n_not_decrypted);
    bind_number(statement, "lost_bytes", capture->n_lost);
    bind_number(statement, "cut_packets", capture->n_cut);
    bind_number(statement, "unknown_link_packets", capture->n_unknown_link);
    bind_unread(statement, capture);
    bind_text(statement, "error", capture->error);
    run(database, statement->sql);
    end(database);
}

/* ---- sections of chains ---- */

void imapid_database_add_continued(struct imapid_database *database,
                                   const struct imapid_record_continued *continued)
{
    struct imapid_record_conn conn = {.site = continued->site, .file = continued->file};

    if (!begin(database))
        return;
    database->has_continued = true;
    for (unsigned i = 0; i < continued->n && !database->error; i++) {
        conn.first_frame = continued->frames[i];
        bind_spelled(&database->continued, "session", imapid_spell_session_id, &conn);
        run(database, database->continued.sql);
    }
    end(database);
}

/* At the end: sections come in any order. The keys are those of the indexes. */
static void drop_continued(struct imapid_database *database)
{
    execute(database, "DELETE FROM exchange WHERE " KEY " IN (SELECT session FROM continued); "
                      "DELETE FROM session WHERE " KEY " IN (SELECT session FROM continued)");
}

/* ---- pieces of one capture ---- */

void imapid_database_expect_pieces(struct imapid_database *database)
{
    char *note;

    if (database->error || !database->n_before)
        return;
    execute(
        database,
        "CREATE TEMP TABLE reading (id INTEGER PRIMARY KEY, is_new INTEGER, from_middle INTEGER); "
        "CREATE INDEX IF NOT EXISTS session_ends ON session "
        "(client_ip, client_port, server_ip, server_port)");
    note = g_strdup_printf(
        "INSERT OR REPLACE INTO temp.reading (id, is_new, from_middle) "
        "SELECT id, id > %lld, :from_middle FROM session AS met WHERE " BOUND "AND "
        "EXISTS (SELECT 1 FROM session AS earlier WHERE (earlier.client_ip, earlier.client_port, "
        "earlier.server_ip, earlier.server_port) = (met.client_ip, met.client_port, met.server_ip, "
        "met.server_port) AND earlier.id <= %lld)",
        (long long)database->n_before, (long long)database->n_before);
    database->reading = prepare_named(database, note);
    g_free(note);
}

bool imapid_database_has_failed(struct imapid_database *database)
{
    return g_atomic_int_get(&database->has_failed);
}

/* As far as those who read allow it; all is in the log else, where everybody finds it. */
static void end_log(struct imapid_database *database)
{
    sqlite3_busy_timeout(database->db, 0);
    if (sqlite3_exec(database->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL) !=
        SQLITE_OK)
        return;
}

bool imapid_database_finish(struct imapid_database *database, char **message)
{
    if (database->queue)
        end_queue(database->queue);
    if (!database->gives_up || database->has_continued) /* a file may have some of earlier runs */
        drop_continued(database);
    join_seam(database);
    finalize_named(&database->capture);
    finalize_named(&database->session);
    finalize_named(&database->exchange);
    finalize_named(&database->continued);
    finalize_named(&database->written);
    finalize_named(&database->reading);
    finalize_named(&database->settle);
    finalize_named(&database->forget);
    sqlite3_finalize(database->find_list);
    finalize_named(&database->list);
    finalize_named(&database->pair);
    sqlite3_finalize(database->begin);
    sqlite3_finalize(database->commit);
    if (database->gives_up) {
        end_log(database);
    } else {
        if (!database->error)
            make(database, true);
        execute(database, "COMMIT");
    }
    if (sqlite3_close(database->db) != SQLITE_OK)
        fail(database);
    database->db = NULL;
    if (database->error)
        *message = g_strdup(database->error);
    return !database->error;
}

void imapid_database_free(struct imapid_database *database)
{
    if (!database)
        return;
    sqlite3_close(database->earlier);
    imapid_pool_free(database->lists);
    g_array_unref(database->list_ids);
    free_queue(database->queue);
    g_mutex_clear(&database->mutex);
    g_free(database->error);
    g_free(database->path);
    g_free(database);
}
