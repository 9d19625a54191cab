/* SPDX-License-Identifier: GPL-2.0-or-later */
/* outcome.c: what became of a session, from its units.
 *
 * Keeps a few commands by their tags until they are answered. Refuses to keep a server's words that
 * repeat what a client sent to log in: some servers quote the command, with the password in it.
 *
 * Misuse: telling it units that nothing has confirmed as if they were: the text of a message can look
 * like any. */
#include <imapid/outcome.h>

#include <imapid/list.h>
#include <imapid/login.h>
#include <imapid/secret.h>

/* Not more than a code of RFC 9051 7.1 or RFC 5530 has. */
#define CODE_MAX 40

/* A word shorter than this may stand in a text by chance; of a token, which is long, one shorter than
 * that. */
#define WORD_MIN       4
#define TOKEN_WORD_MIN 8

/* Octets of an answer of SASL that are looked at. Tokens have some thousand. */
#define SASL_MAX 4096

/* Past as many bits set words that were never sent are found too often. */
#define SENT_BITS_MAX (IMAPID_OUTCOME_SENT_BITS / 4)

/* ---- what may be a password ---- */

/* Keeps a run of octets that no text may repeat; a NUL ends it. */
static void keep_secret(struct imapid_outcome *outcome, const uint8_t *octets, size_t n)
{
    if (outcome->n_secrets + n + 1 > sizeof outcome->secrets) {
        outcome->is_unsure = true;
        return;
    }
    memcpy(outcome->secrets + outcome->n_secrets, octets, n);
    outcome->n_secrets += (uint8_t)n;
    outcome->secrets[outcome->n_secrets++] = 0;
}

/* A number for a word, whatever its case (FNV-1a). */
static uint32_t hash_word(const uint8_t *word, size_t n)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ imapid_upper(word[i])) * 16777619u;
    return hash;
}

static bool is_part(uint8_t c, bool any)
{
    return any ? c > ' ' && c != '"' : imapid_is_alpha(c) || imapid_is_digit(c) || c > 127;
}

/* Calls for each word of at least `n_min` octets, as blanks part them (`any`), or as anything but
 * letters and digits does. Stops, and returns true, where the call does. */
static bool each_word(struct imapid_outcome *outcome, const uint8_t *octets, size_t n, size_t n_min,
                      bool (*call)(struct imapid_outcome *, uint32_t))
{
    for (int any = 0; any < 2; any++)
        for (size_t at = 0, end; at < n; at = end + 1) {
            for (end = at; end < n && is_part(octets[end], any); end++)
                ;
            if (end - at >= n_min && call(outcome, hash_word(octets + at, end - at)))
                return true;
        }
    return false;
}

/* Two bits stand for a word. */
static unsigned get_bit(uint32_t hash, int which)
{
    return (which ? hash >> 16 : hash) % IMAPID_OUTCOME_SENT_BITS;
}

static bool set_bits(struct imapid_outcome *outcome, uint32_t hash)
{
    for (int which = 0; which < 2; which++) {
        uint8_t *octet = &outcome->sent[get_bit(hash, which) / 8];
        uint8_t bit = (uint8_t)(1u << get_bit(hash, which) % 8);

        outcome->n_sent += !(*octet & bit);
        *octet |= bit;
    }
    return false;
}

static bool has_bits(struct imapid_outcome *outcome, uint32_t hash)
{
    for (int which = 0; which < 2; which++)
        if (!(outcome->sent[get_bit(hash, which) / 8] & 1u << get_bit(hash, which) % 8))
            return false;
    return true;
}

static void keep_words_sent(struct imapid_outcome *outcome, const uint8_t *octets, size_t n,
                            size_t n_min)
{
    (void)each_word(outcome, octets, n, n_min, set_bits);
    outcome->is_unsure |= outcome->n_sent > SENT_BITS_MAX;
}

/* An answer of SASL: as it was sent, and what is in it. The password of PLAIN stands behind the last
 * NUL (RFC 4616), that of LOGIN is all. */
static void keep_sasl(struct imapid_outcome *outcome, const uint8_t *line, size_t n)
{
    uint8_t octets[SASL_MAX];
    size_t n_octets, start = 0;

    keep_words_sent(outcome, line, n, WORD_MIN);
    n_octets = imapid_octets_decode_base64(line, n, octets, sizeof octets);
    outcome->is_unsure |= n_octets == sizeof octets;
    for (size_t i = 0; i < n_octets; i++)
        if (!octets[i])
            start = i + 1;
    if (start || n_octets < TOKEN_WORD_MIN)
        keep_secret(outcome, octets + start, n_octets - start);
    keep_words_sent(outcome, octets, n_octets, TOKEN_WORD_MIN);
}

static bool is_printable(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (octets[i] < ' ' || octets[i] == 127)
            return false;
    return true;
}

static bool is_base64(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!imapid_is_base64(octets[i]))
            return false;
    return true;
}

/* A password up to the end of its line: as it stands there, and what is quoted in it. */
static void keep_password(struct imapid_outcome *outcome, const uint8_t *password, size_t n)
{
    uint8_t octets[IMAPID_OUTCOME_SECRETS_MAX];
    size_t n_octets = 0;

    if (n > sizeof octets) {
        outcome->is_unsure = true;
        return;
    }
    keep_secret(outcome, password, n);
    keep_words_sent(outcome, password, n, WORD_MIN); /* a server that takes it apart repeats one */
    if (!n || *password != '"')
        return;
    for (size_t at = 1; at < n && password[at] != '"'; at++) {
        at += password[at] == '\\' && at + 1 < n;
        octets[n_octets++] = password[at];
    }
    keep_secret(outcome, octets, n_octets);
}

/* The password of LOGIN: behind the user name. Where either is a literal it is not in the unit. */
static void keep_login(struct imapid_outcome *outcome, const uint8_t *args, size_t n)
{
    size_t at = 0, word;
    bool quoted;

    while (at < n && imapid_is_blank(args[at]))
        at++;
    quoted = at < n && args[at] == '"';
    for (at += quoted; at < n && (quoted ? args[at] != '"' : !imapid_is_blank(args[at])); at++)
        at += quoted && args[at] == '\\';
    for (at += quoted; at < n && imapid_is_blank(args[at]); at++)
        ;
    outcome->n_rest = 0;
    outcome->is_rest_password = at < n;
    for (word = outcome->is_rest_password ? at : 0; word < n && imapid_is_blank(args[word]); word++)
        ;
    /* Nothing but the announcement stands there. */
    outcome->has_rest = outcome->waiting[outcome->n_waiting - 1].announced && args[word] == '{' &&
                        !memchr(args, '{', word) && is_printable(args, n);
    if (outcome->has_rest)
        return;
    if (at >= n || args[at] == '{' || memchr(args, '{', at) || !is_printable(args, n))
        outcome->is_unsure = true;
    else
        keep_password(outcome, args + at, n - at);
}

/* The octets of a literal that is announced by the `n` octets "{42}" or "{42+}"; 0: none is. */
static uint64_t read_announced(const uint8_t *octets, size_t n)
{
    size_t at = n;
    uint64_t announced = 0, place = 1;

    if (!at || octets[--at] != '}')
        return 0;
    at -= at && octets[at - 1] == '+';
    for (; at && imapid_is_digit(octets[at - 1]) && place < UINT64_C(1000000000000); at--) {
        announced += (uint64_t)(octets[at - 1] - '0') * place;
        place *= 10;
    }
    return at && octets[at - 1] == '{' ? announced : 0;
}

/* The password behind a user name that was a literal of n_user octets, itself a literal or none. False: it is
 * not there whole. */
static bool keep_behind_user(struct imapid_outcome *outcome, uint64_t n_user)
{
    const uint8_t *rest = outcome->rest, *newline;
    size_t n = outcome->n_rest, at, end;
    uint64_t announced;

    if (n_user >= n)
        return false;
    for (at = (size_t)n_user; at < n && imapid_is_blank(rest[at]); at++)
        ;
    newline = memchr(rest + at, '\n', n - at);
    if (!newline)
        return false;
    end = (size_t)(newline - rest);
    end -= end > at && rest[end - 1] == '\r';
    announced = read_announced(rest + at, end - at);
    if (!announced) {
        keep_password(outcome, rest + at, end - at);
        return true;
    }
    at = (size_t)(newline - rest) + 1;
    if (announced > n - at)
        return false;
    keep_secret(outcome, rest + at, (size_t)announced);
    return true;
}

/* The password of the newest LOGIN, where its literals show it. */
static void settle_rest(struct imapid_outcome *outcome)
{
    uint64_t announced;

    if (!outcome->has_rest)
        return;
    outcome->has_rest = false;
    announced = outcome->n_waiting ? outcome->waiting[outcome->n_waiting - 1].announced : 0;
    if (!announced || memchr(outcome->rest, 0, outcome->n_rest) ||
        (outcome->is_rest_password && announced > outcome->n_rest))
        outcome->is_unsure = true;
    else if (outcome->is_rest_password)
        keep_secret(outcome, outcome->rest, (size_t)announced);
    else
        outcome->is_unsure |= !keep_behind_user(outcome, announced);
}

void imapid_outcome_take_rest(struct imapid_outcome *outcome, const uint8_t *octets, size_t n)
{
    if (!outcome->has_rest)
        return;
    if (n > sizeof outcome->rest - outcome->n_rest) {
        imapid_outcome_lose_rest(outcome);
        return;
    }
    memcpy(outcome->rest + outcome->n_rest, octets, n);
    outcome->n_rest += (uint8_t)n;
}

void imapid_outcome_lose_rest(struct imapid_outcome *outcome)
{
    outcome->is_unsure |= outcome->has_rest;
    outcome->has_rest = false;
}

static bool is_of_word(uint8_t c)
{
    return is_part(c, false);
}

/* Does the text have the secret at this place? One of some letters is in many a word by chance: it counts where it
 * is a word. */
static bool has_secret_at(const uint8_t *text, size_t n, size_t at, const uint8_t *secret,
                          size_t n_secret)
{
    size_t end = at + n_secret;

    if (!imapid_octets_same(text + at, n_secret, secret, n_secret))
        return false;
    return n_secret >= WORD_MIN ||
           !((at && is_of_word(text[at - 1])) || (end < n && is_of_word(text[end])));
}

static bool repeats_secret(struct imapid_outcome *outcome, const uint8_t *text, size_t n)
{
    if (each_word(outcome, text, n, WORD_MIN, has_bits))
        return true;
    for (size_t at = 0, end; at < outcome->n_secrets; at = end + 1) {
        const uint8_t *secret = outcome->secrets + at;
        size_t n_secret;

        end = (size_t)((const uint8_t *)memchr(secret, 0, outcome->n_secrets - at) -
                       outcome->secrets);
        n_secret = end - at;
        for (size_t i = 0; n_secret && i + n_secret <= n; i++)
            if (has_secret_at(text, n, i, secret, n_secret))
                return true;
    }
    return false;
}

/* ---- words ---- */

/* The octets of "[ATOM]" at the head of a text, in capitals as all registered codes are; else 0. */
static size_t measure_code(const uint8_t *text, size_t n)
{
    size_t at = 1;

    if (!n || text[0] != '[')
        return 0;
    while (at < n && at < CODE_MAX && ((text[at] >= 'A' && text[at] <= 'Z') || text[at] == '-'))
        at++;
    return at > 1 && at < n && text[at] == ']' ? at + 1 : 0;
}

static bool is_login(enum imapid_word command)
{
    return command == IMAPID_WORD_LOGIN || command == IMAPID_WORD_AUTHENTICATE;
}

static bool awaits_login(const struct imapid_outcome *outcome)
{
    for (unsigned i = 0; i < outcome->n_waiting; i++)
        if (is_login(outcome->waiting[i].word))
            return true;
    return outcome->n_refused > 0;
}

static enum imapid_word get_newest(const struct imapid_outcome *outcome)
{
    return outcome->n_waiting ? outcome->waiting[outcome->n_waiting - 1].word : IMAPID_WORD_UNKNOWN;
}

/* `is_of_login`: it answers a command in which a password is, or may be. */
static void keep_words(struct imapid_outcome *outcome, struct imapid_outcome_text *kept,
                       const struct imapid_unit *response, bool is_of_login)
{
    struct imapid_slice text = imapid_unit_text(response);
    const uint8_t *octets = response->data + text.offset;
    size_t n = text.n;
    bool only_code;

    settle_rest(outcome);
    only_code = repeats_secret(outcome, octets, n) ||
                (outcome->is_unsure && (is_of_login || awaits_login(outcome)));
    if (only_code)
        n = measure_code(octets, n);
    else if (outcome->is_unsure)
        n = imapid_secret_measure_text(NULL, octets, n);
    else
        n = imapid_secret_find_encoded(octets, n); /* a login, or an answer, that it repeats */
    kept->n = (uint8_t)(n < sizeof kept->octets ? n : sizeof kept->octets);
    kept->cut = kept->n < text.n && !only_code;
    if (kept->n)
        memcpy(kept->octets, octets, kept->n);
}

/* What answers a command: its own text, or "" where there is none to keep. */
static void keep_answer(struct imapid_outcome *outcome, const struct imapid_unit *response,
                        enum imapid_word command)
{
    struct imapid_tag tag = imapid_unit_tag(response);
    struct imapid_outcome_text text;

    keep_words(outcome, &text, response, is_login(command));
    (void)imapid_milestones_answer(&outcome->milestones, &tag, response->word, &outcome->now,
                                   text.octets, text.n, text.cut);
}

static void keep_said(struct imapid_outcome *outcome, const struct imapid_unit *response)
{
    struct imapid_outcome_text text;

    keep_words(outcome, &text, response, false);
    imapid_milestones_say(&outcome->milestones, response->word, &outcome->now, text.octets, text.n,
                          text.cut);
}

/* ---- what an OAuth server says ---- */

/* Octets of a challenge that are looked at: the status stands first in those that servers send. */
#define CHALLENGE_MAX 512

static size_t skip_json_blanks(const uint8_t *json, size_t n, size_t at)
{
    while (at < n && (imapid_is_blank(json[at]) || json[at] == '\r' || json[at] == '\n'))
        at++;
    return at;
}

/* The member "status", a string or a number (RFC 7628 3.2.2). */
static void keep_challenge_status(struct imapid_outcome *outcome, const uint8_t *json, size_t n)
{
    static const char key[] = "\"status\"";
    size_t n_key = sizeof key - 1, n_kept = 0, at = 0;

    while (at + n_key <= n && memcmp(json + at, key, n_key) != 0)
        at++;
    if (at + n_key > n)
        return;
    at = skip_json_blanks(json, n, at + n_key);
    if (at == n || json[at] != ':')
        return;
    at = skip_json_blanks(json, n, at + 1);
    at += at < n && json[at] == '"';
    while (at < n && n_kept + 1 < sizeof outcome->challenge_status &&
           (imapid_is_alpha(json[at]) || imapid_is_digit(json[at]) || json[at] == '_' ||
            json[at] == '-'))
        outcome->challenge_status[n_kept++] = (char)json[at++];
    outcome->challenge_status[n_kept] = 0;
}

static void take_challenge(struct imapid_outcome *outcome, const struct imapid_unit *unit)
{
    struct imapid_slice text = imapid_unit_text(unit);
    uint8_t json[CHALLENGE_MAX];
    size_t n;

    if (get_newest(outcome) != IMAPID_WORD_AUTHENTICATE)
        return;
    n = imapid_octets_decode_base64(unit->data + text.offset, text.n, json, sizeof json);
    if (skip_json_blanks(json, n, 0) < n && json[skip_json_blanks(json, n, 0)] == '{')
        keep_challenge_status(outcome, json, n);
}

/* ---- causes ---- */

enum imapid_stage imapid_outcome_stage(enum imapid_word command)
{
    switch (command) {
    case IMAPID_WORD_STARTTLS:
        return IMAPID_STAGE_STARTTLS;
    case IMAPID_WORD_LOGIN:
    case IMAPID_WORD_AUTHENTICATE:
        return IMAPID_STAGE_LOGIN;
    case IMAPID_WORD_ID:
        return IMAPID_STAGE_ID;
    case IMAPID_WORD_SELECT:
    case IMAPID_WORD_EXAMINE:
        return IMAPID_STAGE_SELECT;
    case IMAPID_WORD_IDLE:
        return IMAPID_STAGE_IDLE;
    default:
        return IMAPID_STAGE_COMMAND;
    }
}

static const char *get_status(enum imapid_word word)
{
    return word == IMAPID_WORD_NO ? "NO" : word == IMAPID_WORD_BAD ? "BAD" : "BYE";
}

/* A tagged BAD is about the client's command (RFC 9051 7.1.3), unless its code says otherwise. */
static enum imapid_party blame(const struct imapid_unit *response)
{
    struct imapid_slice text = imapid_unit_text(response);
    const uint8_t *octets = response->data + text.offset;
    size_t n = measure_code(octets, text.n);

    if (response->kind != IMAPID_UNIT_TAGGED || response->word != IMAPID_WORD_BAD ||
        imapid_octets_is(octets, n, "[SERVERBUG]") || imapid_octets_is(octets, n, "[UNAVAILABLE]"))
        return IMAPID_PARTY_SERVER;
    return IMAPID_PARTY_CLIENT;
}

/* The octets of a text without the times that Dovecot writes behind it: "(0.003 + 0.000 + 0.002 secs)." */
static size_t measure_without_times(const struct imapid_outcome_text *text)
{
    static const char end[] = " secs).";
    size_t n_end = sizeof end - 1, at;

    if (text->n < n_end || memcmp(text->octets + text->n - n_end, end, n_end) != 0)
        return text->n;
    at = text->n - n_end;
    while (at && (imapid_is_digit(text->octets[at - 1]) || text->octets[at - 1] == '.' ||
                  text->octets[at - 1] == '+' || text->octets[at - 1] == ' '))
        at--;
    return at > 1 && text->octets[at - 1] == '(' && text->octets[at - 2] == ' ' ? at - 2 : text->n;
}

static void set_cause(struct imapid_outcome *outcome, struct imapid_outcome_cause *cause,
                      enum imapid_stage stage, const struct imapid_unit *response, bool is_of_login)
{
    cause->stage = stage;
    cause->by = blame(response);
    cause->status = get_status(response->word);
    cause->place = outcome->now;
    cause->word = IMAPID_WORD_UNKNOWN;
    cause->is_proxy_header = false;
    cause->overrun.frame = 0;
    keep_words(outcome, &cause->text, response, is_of_login);
    /* How long a server tried before it refused may tell something; of what it did not even read nothing. */
    if (response->word == IMAPID_WORD_BAD)
        cause->text.n = (uint8_t)measure_without_times(&cause->text);
}

/* Commands that are answered OK whatever went wrong before, or end a session. */
static bool is_idle_talk(enum imapid_word command)
{
    switch (command) {
    case IMAPID_WORD_CAPABILITY:
    case IMAPID_WORD_NOOP:
    case IMAPID_WORD_CHECK:
    case IMAPID_WORD_CLOSE:
    case IMAPID_WORD_UNSELECT:
    case IMAPID_WORD_LOGOUT:
        return true;
    default:
        return false;
    }
}

static void take_success(struct imapid_outcome *outcome, enum imapid_word command)
{
    bool was_login = outcome->cause.stage == IMAPID_STAGE_LOGIN;
    /* Whatever is still answered, the server has said that it goes. */
    bool has_gone = outcome->cause.stage && !strcmp(outcome->cause.status, "BYE");

    if (is_login(command)) {
        outcome->authenticated = true;
        outcome->n_refused = 0;
    }
    if (command == IMAPID_WORD_LOGOUT)
        outcome->end = outcome->now;
    if (command == IMAPID_WORD_STARTTLS && outcome->n_waiting)
        outcome->hasty = outcome->waiting[outcome->n_waiting - 1].asked;
    if (!has_gone && (is_login(command) || (!was_login && !is_idle_talk(command))))
        outcome->cause.stage = IMAPID_STAGE_UNKNOWN;
}

/* `waiting`: the command that is refused. */
static void take_refusal(struct imapid_outcome *outcome,
                         const struct imapid_outcome_waiting *waiting,
                         const struct imapid_unit *response)
{
    enum imapid_word command = waiting->word;
    enum imapid_stage had = outcome->cause.stage;
    /* Who is logged in is not logged out by a login too many. */
    enum imapid_stage stage = is_login(command) && outcome->authenticated
                                  ? IMAPID_STAGE_COMMAND
                                  : imapid_outcome_stage(command);

    outcome->n_refused += is_login(command);
    /* The last refusal of a login says why nobody is logged in; of the rest the first is the cause,
     * but for that of an ID, which stops nothing. */
    if (had == IMAPID_STAGE_UNKNOWN || had == IMAPID_STAGE_ID || stage == IMAPID_STAGE_LOGIN) {
        set_cause(outcome, &outcome->cause, stage, response,
                  is_login(command) || command == IMAPID_WORD_ID ||
                      (command == IMAPID_WORD_UNKNOWN && waiting->announced));
        outcome->cause.word = command;
        outcome->cause.argument = waiting->argument;
        outcome->cause.announced = waiting->announced;
        outcome->cause.asked = waiting->asked;
        outcome->cause.overrun = waiting->overrun;
    }
}

/* ---- units ---- */

static int find_waiting(const struct imapid_outcome *outcome, const struct imapid_tag *tag)
{
    for (unsigned i = 0; i < outcome->n_waiting; i++)
        if (imapid_tag_same(&outcome->waiting[i].tag, tag))
            return (int)i;
    return -1;
}

static void forget(struct imapid_outcome *outcome, unsigned i)
{
    outcome->n_waiting--;
    memmove(outcome->waiting + i, outcome->waiting + i + 1,
            (outcome->n_waiting - i) * sizeof outcome->waiting[0]);
}

/* The second word of AUTHENTICATE's arguments (RFC 4959); more than two are no such thing. */
static void keep_initial_response(struct imapid_outcome *outcome, const uint8_t *args, size_t n)
{
    size_t at = 0;
    struct imapid_slice initial;

    keep_words_sent(outcome, args, n, TOKEN_WORD_MIN);
    (void)imapid_octets_next_word(args, n, &at); /* the mechanism */
    initial = imapid_octets_next_word(args, n, &at);
    if (initial.n)
        keep_sasl(outcome, args + initial.offset, initial.n);
    outcome->said_sasl = initial.n > 0;
    /* A literal's announcement, perhaps: what follows it is not in the unit. */
    outcome->is_unsure |= !is_base64(args + initial.offset, initial.n);
    outcome->is_unsure |= imapid_octets_next_word(args, n, &at).n > 0;
    outcome->is_unsure |= !is_printable(args, n);
}

/* Is it an ID list as it should be, so that no other command can be in it? */
static bool is_sound(const struct imapid_unit *unit)
{
    struct imapid_list_sum sum = imapid_list_get_sum(unit);

    return !unit->n_hidden && !sum.faults && sum.is_ended;
}

/* What may stand behind UID (RFC 9051 6.4.9, RFC 5256, RFC 8508). */
static const char *find_uid_command(const uint8_t *name, size_t n)
{
    static const char *const names[] = {"COPY",   "EXPUNGE", "FETCH", "MOVE",  "REPLACE",
                                        "SEARCH", "SORT",    "STORE", "THREAD"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (imapid_octets_is(name, n, names[i]))
            return names[i];
    return NULL;
}

static const char *find_argument(const struct imapid_unit *unit)
{
    const uint8_t *args = unit->data + unit->args.offset;
    struct imapid_slice name;
    size_t at = 0;

    if (unit->word != IMAPID_WORD_AUTHENTICATE && unit->word != IMAPID_WORD_UID)
        return NULL;
    name = imapid_octets_next_word(args, unit->args.n, &at);
    if (unit->word == IMAPID_WORD_UID)
        return find_uid_command(args + name.offset, name.n);
    return imapid_login_find_mechanism(args + name.offset, name.n);
}

/* The octets of the literal that a line ends with: "{42}", "{42+}"; 0: it ends with none. */
static uint64_t find_announced(const struct imapid_unit *unit)
{
    return read_announced(unit->data + unit->args.offset, unit->args.n);
}

/* What is no command while one with a literal waits, is likely to belong to that. */
static void note_overrun(struct imapid_outcome *outcome)
{
    for (unsigned i = outcome->n_waiting; i-- > 0;)
        if (outcome->waiting[i].announced) {
            if (!outcome->waiting[i].overrun.frame)
                outcome->waiting[i].overrun = outcome->now;
            return;
        }
}

/* `unit`: the command, or its answer. */
static void keep_command(struct imapid_outcome *outcome, const struct imapid_outcome_waiting *sent,
                         const struct imapid_unit *unit)
{
    /* IDs are told as exchanges. */
    if (sent->word != IMAPID_WORD_ID)
        imapid_milestones_ask(&outcome->milestones, unit, sent->word, sent->argument, &sent->asked);
}

/* May it be LOGIN all the same: misspelt, behind the name of another command, or its arguments behind that? */
static bool may_be_login(const struct imapid_unit *unit, const char *argument)
{
    switch (unit->word) {
    case IMAPID_WORD_UNKNOWN:
        return true;
    case IMAPID_WORD_UID:
        return !argument;
    case IMAPID_WORD_CAPABILITY:
    case IMAPID_WORD_CHECK:
    case IMAPID_WORD_CLOSE:
    case IMAPID_WORD_IDLE:
    case IMAPID_WORD_LOGOUT:
    case IMAPID_WORD_NAMESPACE:
    case IMAPID_WORD_NOOP:
    case IMAPID_WORD_STARTTLS:
    case IMAPID_WORD_UNAUTHENTICATE:
    case IMAPID_WORD_UNSELECT:
        return unit->args.n > 0;
    default:
        return false;
    }
}

static void take_command(struct imapid_outcome *outcome, const struct imapid_unit *unit,
                         bool is_tentative)
{
    const uint8_t *args = unit->data + unit->args.offset;

    settle_rest(outcome);
    if (unit->word == IMAPID_WORD_UNKNOWN)
        note_overrun(outcome);
    if (outcome->n_waiting == IMAPID_OUTCOME_WAITING_MAX)
        forget(outcome, 0);
    outcome->waiting[outcome->n_waiting++] = (struct imapid_outcome_waiting){
        .tag = imapid_unit_tag(unit),
        .word = unit->word,
        .is_tentative = is_tentative,
        .argument = find_argument(unit),
        .asked = outcome->now,
        .announced = find_announced(unit),
    };
    if (!is_tentative)
        keep_command(outcome, &outcome->waiting[outcome->n_waiting - 1], unit);
    if (is_login(unit->word))
        outcome->challenge_status[0] = 0;
    outcome->has_logout |= unit->word == IMAPID_WORD_LOGOUT && !is_tentative;
    outcome->only_listed =
        unit->word == IMAPID_WORD_CAPABILITY && (outcome->only_listed || !outcome->has_commands);
    outcome->has_commands = true;
    outcome->is_unsure |= is_tentative || unit->cut || unit->over_limit;
    if (unit->word == IMAPID_WORD_LOGIN) {
        keep_login(outcome, args, unit->args.n);
    } else if (unit->word == IMAPID_WORD_AUTHENTICATE) {
        keep_initial_response(outcome, args, unit->args.n);
    } else if (may_be_login(unit, outcome->waiting[outcome->n_waiting - 1].argument)) {
        keep_words_sent(outcome, unit->data, unit->n, WORD_MIN);
        outcome->is_unsure = true;
    } else if (unit->word == IMAPID_WORD_ID) {
        outcome->is_unsure |= !is_sound(unit);
    }
}

/* A line that the server asked for: of SASL, or the end of IDLE; any other may be a command. */
static void take_line(struct imapid_outcome *outcome, const struct imapid_unit *unit)
{
    const uint8_t *line = unit->data;
    size_t n = unit->n;

    while (n && (line[n - 1] == '\r' || line[n - 1] == '\n'))
        n--;
    if (get_newest(outcome) == IMAPID_WORD_IDLE && imapid_octets_is(line, n, "DONE")) {
        outcome->waiting[outcome->n_waiting - 1].is_done = true;
        return;
    }
    outcome->is_unsure |= unit->cut || unit->over_limit ||
                          get_newest(outcome) != IMAPID_WORD_AUTHENTICATE ||
                          (!is_base64(line, n) && !imapid_octets_is(line, n, "*"));
    /* Two lines of which the server asked for one are one that was folded: a password may be in both. */
    outcome->is_unsure |= outcome->said_sasl;
    outcome->said_sasl = true;
    keep_sasl(outcome, line, n);
}

/* STARTTLS as a router writes over it so that nobody uses it: XXXXXXXA. */
static bool is_mask(const uint8_t *word, size_t n)
{
    size_t at = 0;

    while (at < n && (word[at] == 'X' || word[at] == '*'))
        at++;
    return n >= 7 && n < IMAPID_OUTCOME_MASK_MAX && at + 1 >= n;
}

static void take_capabilities(struct imapid_outcome *outcome, const struct imapid_unit *unit)
{
    struct imapid_slice list, word;
    const uint8_t *octets;
    bool lists_starttls;
    size_t at = 0;

    if (!imapid_unit_capabilities(unit, &list))
        return;
    octets = unit->data + list.offset;
    lists_starttls = imapid_octets_has_word(octets, list.n, "STARTTLS");
    while ((word = imapid_octets_next_word(octets, list.n, &at)).n)
        if (is_mask(octets + word.offset, word.n)) {
            outcome->lists_mask = true;
            memcpy(outcome->mask, octets + word.offset, word.n);
            outcome->mask[word.n] = 0;
        }
    if (!outcome->listed.frame || lists_starttls != outcome->lists_starttls)
        outcome->listed = outcome->now;
    outcome->lists_starttls = lists_starttls;
}

/* Codes that only a login is refused with (RFC 5530 3). */
static bool is_code_of_login(const uint8_t *code, size_t n)
{
    return imapid_octets_is(code, n, "[AUTHENTICATIONFAILED]") ||
           imapid_octets_is(code, n, "[AUTHORIZATIONFAILED]") ||
           imapid_octets_is(code, n, "[EXPIRED]") || imapid_octets_is(code, n, "[PRIVACYREQUIRED]");
}

/* A refusal, or BYE, that answers what the capture does not have. OK behind BYE is the answer to LOGOUT. */
static void hear(struct imapid_outcome *outcome, const struct imapid_unit *unit)
{
    struct imapid_slice text = imapid_unit_text(unit);
    bool is_of_login =
        unit->kind == IMAPID_UNIT_TAGGED &&
        is_code_of_login(unit->data + text.offset, measure_code(unit->data + text.offset, text.n));

    if (unit->word == IMAPID_WORD_OK) {
        if (outcome->heard.stage && !strcmp(outcome->heard.status, "BYE"))
            outcome->end = outcome->now;
        outcome->heard.stage = IMAPID_STAGE_UNKNOWN;
    } else {
        set_cause(outcome, &outcome->heard, is_of_login ? IMAPID_STAGE_LOGIN : IMAPID_STAGE_COMMAND,
                  unit, unit->kind == IMAPID_UNIT_TAGGED);
    }
}

/* Where commands may have been missed, LOGOUT may be one of them. */
static void take_bye(struct imapid_outcome *outcome, const struct imapid_unit *unit, bool is_whole)
{
    enum imapid_stage stage = IMAPID_STAGE_COMMAND;

    if (outcome->has_logout) {
        if (!outcome->end.frame)
            outcome->end = outcome->now;
        return;
    }
    if (!is_whole && !outcome->n_waiting) {
        hear(outcome, unit);
        return;
    }
    if (!outcome->greeted)
        stage = IMAPID_STAGE_GREETING;
    else if (outcome->n_waiting)
        stage = imapid_outcome_stage(get_newest(outcome));
    else if (!outcome->authenticated && outcome->cause.stage == IMAPID_STAGE_UNKNOWN)
        stage = IMAPID_STAGE_LOGIN;
    /* A server may have enough of bad commands; but behind a refusal it ends what had failed. */
    if (outcome->cause.stage == IMAPID_STAGE_UNKNOWN ||
        (outcome->cause.stage != IMAPID_STAGE_LOGIN && !strcmp(outcome->cause.status, "BAD")))
        set_cause(outcome, &outcome->cause, stage, unit, stage == IMAPID_STAGE_LOGIN);
}

/* An untagged NO or BAD. As a greeting it is none that RFC 9051 7.1 has, and means no service. A BAD while no
 * command waits is about what the server could not take for one (RFC 9051 7.1.3). */
static void take_remark(struct imapid_outcome *outcome, const struct imapid_unit *unit)
{
    if (!outcome->greeted) {
        set_cause(outcome, &outcome->cause, IMAPID_STAGE_GREETING, unit, false);
    } else if (outcome->n_waiting) {
        set_cause(outcome, &outcome->remark, imapid_outcome_stage(outcome->waiting[0].word), unit,
                  true);
    } else if (unit->word == IMAPID_WORD_BAD && !outcome->authenticated) {
        set_cause(outcome, &outcome->remark, IMAPID_STAGE_COMMAND, unit, true);
        outcome->remark.by = IMAPID_PARTY_CLIENT;
        outcome->misread = outcome->now;
    }
}

/* Is an untagged response a part of what the command asks for (RFC 9051 6)? */
static bool is_part_of_answer(const struct imapid_outcome_waiting *waiting, enum imapid_word word)
{
    const char *asked = waiting->argument ? waiting->argument : imapid_word_name(waiting->word);

    switch (waiting->word) {
    case IMAPID_WORD_UNKNOWN:
    case IMAPID_WORD_NOOP:
    case IMAPID_WORD_IDLE:
        return false;
    case IMAPID_WORD_SELECT:
    case IMAPID_WORD_EXAMINE:
        return word == IMAPID_WORD_FLAGS || word == IMAPID_WORD_EXISTS ||
               word == IMAPID_WORD_RECENT;
    default:
        return (word == IMAPID_WORD_ESEARCH && !strcmp(asked, "SEARCH")) ||
               !strcmp(asked, imapid_word_name(word));
    }
}

static void note_part(struct imapid_outcome *outcome, enum imapid_word word)
{
    for (unsigned i = 0; i < outcome->n_waiting; i++)
        if (is_part_of_answer(&outcome->waiting[i], word)) {
            outcome->waiting[i].partial = outcome->now;
            return;
        }
}

void imapid_outcome_go_on(struct imapid_outcome *outcome)
{
    for (unsigned i = 0; i < outcome->n_waiting; i++)
        if (outcome->waiting[i].partial.frame) {
            outcome->waiting[i].partial = outcome->now;
            return;
        }
}

const struct imapid_moment *imapid_outcome_since(const struct imapid_outcome *outcome,
                                                 const struct imapid_outcome_waiting *waiting)
{
    const struct imapid_moment *asked = outcome->asked.frame ? &outcome->asked : &waiting->asked;

    return waiting->partial.frame && waiting->partial.ns >= asked->ns ? &waiting->partial : asked;
}

static void take_untagged(struct imapid_outcome *outcome, const struct imapid_unit *unit,
                          bool is_whole)
{
    if (outcome->greeted)
        note_part(outcome, unit->word);
    if (!outcome->greeted || unit->word == IMAPID_WORD_BYE)
        keep_said(outcome, unit);
    if (!outcome->greeting.frame)
        outcome->greeting = outcome->now;
    switch (unit->word) {
    case IMAPID_WORD_PREAUTH:
        outcome->authenticated = true;
        take_capabilities(outcome, unit);
        break;
    case IMAPID_WORD_OK:
    case IMAPID_WORD_CAPABILITY:
        take_capabilities(outcome, unit);
        break;
    case IMAPID_WORD_BYE:
        take_bye(outcome, unit, is_whole);
        break;
    case IMAPID_WORD_NO:
    case IMAPID_WORD_BAD:
        take_remark(outcome, unit);
        break;
    default:
        outcome->authenticated |= imapid_word_shows_authenticated(unit->word);
    }
    outcome->greeted = true;
}

/* A command is answered. One that has to be open as long as the other side likes is no matter of waiting. */
static void note_served(struct imapid_outcome *outcome,
                        const struct imapid_outcome_waiting *waiting)
{
    if (waiting->word == IMAPID_WORD_LOGOUT || waiting->word == IMAPID_WORD_IDLE ||
        (outcome->served_at.frame && waiting->asked.frame < outcome->served_at.frame))
        return;
    outcome->served = *waiting;
    outcome->served_since = *imapid_outcome_since(outcome, waiting);
    outcome->served_at = outcome->now;
}

/* A tentative one counts as well: the tag of a command that waits confirms it. */
static void take_tagged(struct imapid_outcome *outcome, const struct imapid_unit *unit,
                        bool is_whole)
{
    struct imapid_tag tag = imapid_unit_tag(unit);
    int i = find_waiting(outcome, &tag);
    struct imapid_outcome_waiting waiting;
    enum imapid_word command;

    outcome->greeted = true;
    /* A proxy's header (PROXY protocol, version 1), taken for a command. */
    if (i < 0 && unit->word == IMAPID_WORD_BAD &&
        imapid_octets_is(unit->data + unit->tag.offset, unit->tag.n, "PROXY")) {
        const struct imapid_outcome_waiting header = {.word = IMAPID_WORD_UNKNOWN};

        outcome->misread = outcome->now;
        take_refusal(outcome, &header, unit);
        outcome->cause.is_proxy_header = outcome->cause.place.frame == outcome->now.frame;
    }
    if (i < 0) {
        if (!is_whole)
            hear(outcome, unit);
        return;
    }
    outcome->heard.stage = IMAPID_STAGE_UNKNOWN;
    waiting = outcome->waiting[i];
    note_served(outcome, &waiting);
    command = waiting.word;
    if (waiting.is_tentative)
        keep_command(outcome, &waiting, unit);
    keep_answer(outcome, unit, command);
    forget(outcome, (unsigned)i);
    outcome->remark.stage = IMAPID_STAGE_UNKNOWN;
    if (unit->word == IMAPID_WORD_OK) {
        take_capabilities(outcome, unit);
        take_success(outcome, command);
    } else if (unit->word == IMAPID_WORD_NO || unit->word == IMAPID_WORD_BAD) {
        take_refusal(outcome, &waiting, unit);
    }
}

void imapid_outcome_take(struct imapid_outcome *outcome, const struct imapid_unit *unit,
                         bool is_tentative, bool is_whole)
{
    /* Centuries apart is no pause: one of the two has no good clock. */
    if (outcome->latest.frame && outcome->latest.frame != outcome->now.frame)
        outcome->pause_ns = imapid_ns_between(outcome->latest.ns, outcome->now.ns);
    if (outcome->pause_ns == INT64_MAX)
        outcome->pause_ns = 0;
    outcome->latest = outcome->now;
    outcome->is_unsure |= !is_whole;
    outcome->greeted |= !is_whole;
    outcome->has_spoken |= unit->kind >= IMAPID_UNIT_UNTAGGED;
    switch (unit->kind) {
    case IMAPID_UNIT_COMMAND:
        outcome->asked = outcome->now;
        take_command(outcome, unit, is_tentative);
        break;
    case IMAPID_UNIT_CONTINUED:
        outcome->asked = outcome->now;
        take_line(outcome, unit);
        break;
    case IMAPID_UNIT_TAGGED:
        take_tagged(outcome, unit, is_whole);
        break;
    case IMAPID_UNIT_UNTAGGED:
        if (!is_tentative)
            take_untagged(outcome, unit, is_whole);
        else if (unit->word == IMAPID_WORD_BYE && !outcome->n_waiting)
            hear(outcome, unit);
        break;
    case IMAPID_UNIT_CONTINUATION:
        if (get_newest(outcome) == IMAPID_WORD_IDLE)
            outcome->waiting[outcome->n_waiting - 1].is_begun = true;
        outcome->said_sasl = false;
        if (!is_tentative)
            take_challenge(outcome, unit);
        break;
    case IMAPID_UNIT_JUNK:
        outcome->heard.stage = IMAPID_STAGE_UNKNOWN;
        note_overrun(outcome);
        keep_words_sent(outcome, unit->data, unit->n, WORD_MIN);
        outcome->is_unsure = true;
        break;
    default:
        break;
    }
}

void imapid_outcome_begin_tls(struct imapid_outcome *outcome)
{
    outcome->has_spoken = false;
    outcome->listed.frame = 0;
    outcome->lists_starttls = outcome->lists_mask = false;
    outcome->mask[0] = 0;
}

/* ---- names ---- */

const char *imapid_stage_name(enum imapid_stage stage)
{
    static const char *const names[IMAPID_N_STAGES] = {"unknown",  "connect", "tls", "greeting",
                                                       "starttls", "login",   "id",  "select",
                                                       "command",  "idle",    "end"};

    return names[stage];
}

const char *imapid_party_name(enum imapid_party party)
{
    static const char *const names[IMAPID_N_PARTIES] = {NULL, "client", "server", "network",
                                                        "capture"};

    return names[party];
}
