/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of pcaptool/tls/kdf.c and cipher.c by known answers: the trace of a TLS 1.3 handshake in
 * RFC 8448 section 3, from the shared secret to the last record, and the PRF of TLS 1.2 and 1.0. */
#include "tls/kdf.h"

#include "transcript.h"

#include "tls/cipher.h"

#include <gcrypt.h>
#include <string.h>

#define CLIENT_HELLO                                                                               \
    "010000c00303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece70000061301130313" \
    "02"                                                                                           \
    "010000910000000b0009000006736572766572ff01000100000a00140012001d0017001800190100010101020103" \
    "01"                                                                                           \
    "0400230000003300260024001d002099381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf" \
    "2c"                                                                                           \
    "002b0003020304000d0020001e04030503060302030804080508060401050106010201040205020602020"        \
    "2002d00020101001c00024001"

#define SERVER_HELLO                                                                               \
    "020000560303a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e2692800130100002e0033" \
    "00"                                                                                           \
    "240"                                                                                          \
    "01d0020c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f002b00020304"

/* EncryptedExtensions, Certificate, CertificateVerify, Finished. */
#define SERVER_FLIGHT                                                                              \
    "080000240022000a00140012001d00170018001901000101010201030104001c00024001000000000b0001b90000" \
    "01"                                                                                           \
    "b50001b0308201ac30820115a003020102020102300d06092a864886f70d01010b0500300e310c300a0603550403" \
    "13"                                                                                           \
    "03727361301e170d3136303733303031323335395a170d3236303733303031323335395a300e310c300a06035504" \
    "03"                                                                                           \
    "130372736130819f300d06092a864886f70d010101050003818d0030818902818100b4bb498f8279303d98083639" \
    "9b"                                                                                           \
    "36c6988c0c68de55e1bdb826d3901a2461eafd2de49a91d015abbc9a95137ace6c1af19eaa6af98c7ced43120998" \
    "e1"                                                                                           \
    "87a80ee0ccb0524b1b018c3e0b63264d449a6d38e22a5fda430846748030530ef0461c8ca9d9efbfae8ea6d1d03e" \
    "2b"                                                                                           \
    "d193eff0ab9a8002c47428a6d35a8d88d79f7f1e3f0203010001a31a301830090603551d1304023000300b060355" \
    "1d"                                                                                           \
    "0f0404030205a0300d06092a864886f70d01010b05000381810085aad2a0e5b9276b908c65f73a7267170618a54c" \
    "5f"                                                                                           \
    "8a7b337d2df7a594365417f2eae8f8a58c8f8172f9319cf36b7fd6c55b80f21a03015156726096fd335e5e67f2db" \
    "f1"                                                                                           \
    "02702e608ccae6bec1fc63a42a99be5c3eb7107c3c54e9b9eb2bd5203b1c3b84e0a8b2f759409ba3eac9d91d402d" \
    "cc"                                                                                           \
    "0cc8f8961229ac9187b42b4de100000f000084080400805a747c5d88fa9bd2e55ab085a61015b7211f824cd48414" \
    "5a"                                                                                           \
    "b3ff52f1fda8477b0b7abc90db78e2d33a5c141a078653fa6bef780c5ea248eeaaa785c4f394cab6d30bbe8d4859" \
    "ee"                                                                                           \
    "511f602957b15411ac027671459e46445c9ea58c181e818e95b8c3fb0bf3278409d3be152a3da5043e063dda65cd" \
    "f5"                                                                                           \
    "aea20d53dfacd42f74f31400002"                                                                  \
    "09b9b141d906337fbd2cbdce71df4deda4ab42c309572cb7fffee5454b78f0718"

#define FLIGHT_RECORD                                                                              \
    "17030302a2d1ff334a56f5bff6594a07cc87b580233f500f45e489e7f33af35edf7869fcf40aa40aa2b8ea73f848" \
    "a7"                                                                                           \
    "ca07612ef9f945cb960b4068905123ea78b111b429ba9191cd05d2a389280f526134aadc7fc78c4b729df828b5ec" \
    "f7"                                                                                           \
    "b13bd9aefb0e57f271585b8ea9bb355c7c79020716cfb9b1183ef3ab20e37d57a6b9d7477609aee6e122a4cf5142" \
    "73"                                                                                           \
    "25250c7d0e509289444c9b3a648f1d71035d2ed65b0e3cdd0cbae8bf2d0b227812cbb360987255cc744110c453ba" \
    "a4"                                                                                           \
    "fcd610928d809810e4b7ed1a8fd991f06aa6248204797e36a6a73b70a2559c09ead686945ba246ab66e5edd8044b" \
    "4c"                                                                                           \
    "6de3fcf2a89441ac66272fd8fb330ef8190579b3684596c960bd596eea520a56a8d650f563aad27409960dca63d3" \
    "e6"                                                                                           \
    "88611ea5e22f4415cf9538d51a200c27034272968a264ed6540c84838d89f72c24461aad6d26f59ecaba9acbbb31" \
    "7b"                                                                                           \
    "66d902f4f292a36ac1b639c637ce343117b659622245317b49eeda0c6258f100d7d961ffb138647e92ea330faeea" \
    "6d"                                                                                           \
    "fa31c7a84dc3bd7e1b7a6c7178af36879018e3f252107f243d243dc7339d5684c8b0378bf30244da8c87c843f5e5" \
    "6e"                                                                                           \
    "b4c5e8280a2b48052cf93b16499a66db7cca71e4599426f7d461e66f99882bd89fc50800becca62d6c74116dbd29" \
    "72"                                                                                           \
    "fda1fa80f85df881edbe5a37668936b335583b599186dc5c6918a396fa48a181d6b6fa4f9d62d513afbb992f2b99" \
    "2f"                                                                                           \
    "67f8afe67f76913fa388cb5630c8ca01e0c65d11c66a1e2ac4c85977b7c7a6999bbf10dc35ae69f5515614636c0b" \
    "9b"                                                                                           \
    "68c19ed2e31c0b3b66763038ebba42f3b38edc0399f3a9f23faa63978c317fc9fa66a73f60f0504de93b5b845e27" \
    "55"                                                                                           \
    "92c12335ee340bbc4fddd502784016e4b3be7ef04dda49f4b440a30cb5d2af939828fd4ae3794e44f94df5a631ed" \
    "e4"                                                                                           \
    "2c1719bfdabf0253fe5175be898e750edc53370d2b"

#define CLIENT_FINISHED_RECORD                                                                     \
    "170303003575ec4dc238cce60b298044a71e219c56cc77b0517fe9b93c7a4bfc44d87f38f80338ac98fc46deb384" \
    "bd"                                                                                           \
    "1caeacab6867d726c40546"

#define TICKET_RECORD                                                                              \
    "17030300de3a6b8f90414a97d6959c3487680de5134a2b240e6cffac116e95d41d6af8f6b580dcf3d11d63c758db" \
    "28"                                                                                           \
    "9a015940252f55713e061dc13e078891a38efbcf5753ad8ef170ad3c7353d16d9da773b9ca7f2b9fa1b6c0d4a3d0" \
    "3f"                                                                                           \
    "75e09c30ba1e62972ac46f75f7b981be63439b2999ce13064615139891d5e4c5b406f16e3fc181a77ca475840025" \
    "db"                                                                                           \
    "2f0a77f81b5ab05b94c01346755f69232c86519d86cbeeac87aac347d143f9605d64f650db4d023e70e952ca49fe" \
    "51"                                                                                           \
    "37121c74bc2697687e248746d6df353005f3bce18696129c8153556b3b6c6779b37bf15985684f"

#define CLIENT_DATA_RECORD                                                                         \
    "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a2044" \
    "1e"                                                                                           \
    "2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4"

#define SERVER_DATA_RECORD                                                                         \
    "17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602dcb501a" \
    "59"                                                                                           \
    "a8fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d"

#define CLIENT_ALERT_RECORD "1703030013c9872760655666b74d7ff1153efd6db6d0b0e3"
#define SERVER_ALERT_RECORD "1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9"

static size_t unhex(const char *hex, uint8_t *out)
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++)
        out[i] =
            (uint8_t)(g_ascii_xdigit_value(hex[2 * i]) << 4 | g_ascii_xdigit_value(hex[2 * i + 1]));
    return n;
}

#define assert_hex(octets, hex)                                                                    \
    do {                                                                                           \
        uint8_t want_[256];                                                                        \
        size_t n_ = unhex(hex, want_);                                                             \
        g_assert_cmpmem(octets, n_, want_, n_);                                                    \
    } while (0)

static void hash_hex(gcry_md_hd_t hash, const char *hex)
{
    uint8_t octets[1024];

    gcry_md_write(hash, octets, unhex(hex, octets));
}

static void get_hash(gcry_md_hd_t hash, uint8_t out[32])
{
    gcry_md_hd_t copy;

    gcry_md_copy(&copy, hash);
    memcpy(out, gcry_md_read(copy, 0), 32);
    gcry_md_close(copy);
}

/* Derive-Secret of RFC 8446 7.1. */
/* HKDF-Extract of RFC 5869 2.2 with SHA-256. Key logs hold what comes later, so the tool has none. */
static void extract(const uint8_t *salt, size_t n_salt, const uint8_t *ikm, size_t n_ikm,
                    uint8_t *out)
{
    gcry_mac_hd_t mac;
    size_t n = 32;

    gcry_mac_open(&mac, GCRY_MAC_HMAC_SHA256, 0, NULL);
    gcry_mac_setkey(mac, salt, n_salt);
    gcry_mac_write(mac, ikm, n_ikm);
    gcry_mac_read(mac, out, &n);
    gcry_mac_close(mac);
}

static void derive(const uint8_t *secret, const char *label, const uint8_t *hash, uint8_t *out)
{
    g_assert_true(imapid_kdf_expand_label(GCRY_MD_SHA256, secret, label, hash, 32, out, 32));
}

struct schedule {
    struct imapid_secret secret[IMAPID_N_SECRET_KINDS];
};

/* RFC 8448 section 3, every step checked against the values printed there. */
static void make_schedule(struct schedule *schedule)
{
    static const uint8_t zeros[32];
    uint8_t shared[32], early[32], derived[32], handshake[32], master[32], hash[32], empty[32];
    gcry_md_hd_t transcript;

    gcry_md_open(&transcript, GCRY_MD_SHA256, 0);
    get_hash(transcript, empty);
    unhex("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d", shared);

    extract(zeros, 32, zeros, 32, early);
    assert_hex(early, "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a");
    derive(early, "derived", empty, derived);
    assert_hex(derived, "6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba");
    extract(derived, 32, shared, 32, handshake);
    assert_hex(handshake, "1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac");

    hash_hex(transcript, CLIENT_HELLO);
    hash_hex(transcript, SERVER_HELLO);
    get_hash(transcript, hash);
    assert_hex(hash, "860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8");
    for (int i = 0; i < IMAPID_N_SECRET_KINDS; i++)
        schedule->secret[i].n = 32;
    derive(handshake, "c hs traffic", hash,
           schedule->secret[IMAPID_SECRET_CLIENT_HANDSHAKE].octets);
    derive(handshake, "s hs traffic", hash,
           schedule->secret[IMAPID_SECRET_SERVER_HANDSHAKE].octets);
    assert_hex(schedule->secret[IMAPID_SECRET_CLIENT_HANDSHAKE].octets,
               "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21");
    assert_hex(schedule->secret[IMAPID_SECRET_SERVER_HANDSHAKE].octets,
               "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");

    derive(handshake, "derived", empty, derived);
    extract(derived, 32, zeros, 32, master);
    assert_hex(master, "18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919");
    hash_hex(transcript, SERVER_FLIGHT);
    get_hash(transcript, hash);
    derive(master, "c ap traffic", hash, schedule->secret[IMAPID_SECRET_CLIENT_TRAFFIC].octets);
    derive(master, "s ap traffic", hash, schedule->secret[IMAPID_SECRET_SERVER_TRAFFIC].octets);
    assert_hex(schedule->secret[IMAPID_SECRET_CLIENT_TRAFFIC].octets,
               "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5");
    assert_hex(schedule->secret[IMAPID_SECRET_SERVER_TRAFFIC].octets,
               "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643");
    gcry_md_close(transcript);
}

static void check_keys(const struct imapid_secret *secret, const char *key_hex, const char *iv_hex)
{
    uint8_t key[16], iv[12];

    g_assert_true(
        imapid_kdf_expand_label(GCRY_MD_SHA256, secret->octets, "key", NULL, 0, key, sizeof key));
    g_assert_true(
        imapid_kdf_expand_label(GCRY_MD_SHA256, secret->octets, "iv", NULL, 0, iv, sizeof iv));
    assert_hex(key, key_hex);
    assert_hex(iv, iv_hex);
}

static void test_schedule(void)
{
    struct schedule schedule;

    make_schedule(&schedule);
    check_keys(&schedule.secret[IMAPID_SECRET_SERVER_HANDSHAKE], "3fce516009c21727d0f2e4e86ee403bc",
               "5d313eb2671276ee13000b30");
    check_keys(&schedule.secret[IMAPID_SECRET_CLIENT_HANDSHAKE], "dbfaa693d1762c5b666af5d950258d01",
               "5bd3c71b836e0b76bb73265f");
    check_keys(&schedule.secret[IMAPID_SECRET_SERVER_TRAFFIC], "9f02283b6c9c07efc26bb9f2ac92e356",
               "cf782b88dd83549aadf1e984");
    check_keys(&schedule.secret[IMAPID_SECRET_CLIENT_TRAFFIC], "17422dda596ed5d9acd890e3c63f5051",
               "5b78923dee08579033e523d9");
}

/* One record under its key, with its sequence number, and with another. */
static void check_record(const struct imapid_secret *secret, uint64_t sequence, const char *record,
                         uint8_t want_type, const char *want)
{
    struct imapid_cipher *cipher = imapid_cipher_new_1_3(imapid_suites_find(0x1301), secret);
    uint8_t octets[1024], out[1024], type;
    size_t n = unhex(record, octets), n_out;

    g_assert_nonnull(cipher);
    g_assert_false(imapid_cipher_open(cipher, sequence + 1, octets, n, out, &n_out, &type));
    g_assert_true(imapid_cipher_open(cipher, sequence, octets, n, out, &n_out, &type));
    g_assert_cmpuint(type, ==, want_type);
    if (want) {
        uint8_t text[1024];
        size_t n_text = unhex(want, text);

        g_assert_cmpmem(out, n_out, text, n_text);
    }
    imapid_cipher_free(cipher);
}

static void test_records(void)
{
    static const char data[] =
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021"
        "22232425262728292a2b2c2d2e2f3031";
    struct schedule schedule;
    const struct imapid_secret *secret = schedule.secret;

    make_schedule(&schedule);
    check_record(&secret[IMAPID_SECRET_SERVER_HANDSHAKE], 0, FLIGHT_RECORD, 22, SERVER_FLIGHT);
    check_record(&secret[IMAPID_SECRET_CLIENT_HANDSHAKE], 0, CLIENT_FINISHED_RECORD, 22,
                 "14000020a8ec436d677634ae525ac1fcebe11a039ec17694fac6e98527b642f2edd5ce61");
    check_record(&secret[IMAPID_SECRET_SERVER_TRAFFIC], 0, TICKET_RECORD, 22, NULL);
    check_record(&secret[IMAPID_SECRET_CLIENT_TRAFFIC], 0, CLIENT_DATA_RECORD, 23, data);
    check_record(&secret[IMAPID_SECRET_SERVER_TRAFFIC], 1, SERVER_DATA_RECORD, 23, data);
    check_record(&secret[IMAPID_SECRET_CLIENT_TRAFFIC], 1, CLIENT_ALERT_RECORD, 21, "0100");
    check_record(&secret[IMAPID_SECRET_SERVER_TRAFFIC], 2, SERVER_ALERT_RECORD, 21, "0100");
}

/* The whole trace as a connection. */
static void test_trace(void)
{
    static const char keys[] = "CLIENT_HANDSHAKE_TRAFFIC_SECRET "
                               "cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7 "
                               "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21\n"
                               "SERVER_HANDSHAKE_TRAFFIC_SECRET "
                               "cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7 "
                               "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38\n"
                               "CLIENT_TRAFFIC_SECRET_0 "
                               "cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7 "
                               "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5\n"
                               "SERVER_TRAFFIC_SECRET_0 "
                               "cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7 "
                               "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643\n";
    static const struct {
        int dir;
        const char *hex;
    } trace[] = {{0, "16030100c4" CLIENT_HELLO},
                 {1, "160303005a" SERVER_HELLO},
                 {1, FLIGHT_RECORD},
                 {0, CLIENT_FINISHED_RECORD},
                 {1, TICKET_RECORD},
                 {0, CLIENT_DATA_RECORD},
                 {1, SERVER_DATA_RECORD},
                 {0, CLIENT_ALERT_RECORD},
                 {1, SERVER_ALERT_RECORD}};
    struct imapid_keylog *keylog = imapid_keylog_new();
    struct outcome *o = outcome_new();
    struct imapid_tls_handler handler = outcome_handler(o);
    struct imapid_tls *tls = imapid_tls_new(&handler, keylog, 0);
    uint8_t octets[1024];

    imapid_keylog_add(keylog, (const uint8_t *)keys, sizeof keys - 1);
    for (size_t i = 0; i < G_N_ELEMENTS(trace); i++)
        feed(tls, trace[i].dir, octets, unhex(trace[i].hex, octets), i);
    outcome_take(o, tls);
    for (int dir = 0; dir < 2; dir++) {
        g_assert_cmpuint(o->all[dir]->len, ==, 50);
        for (int i = 0; i < 50; i++)
            g_assert_cmpint(o->all[dir]->str[i], ==, i);
        g_assert_true(o->info.closed[dir]);
    }
    g_assert_cmpstr(o->names->str, ==, "server/");
    g_assert_cmpint(o->reason, ==, IMAPID_TLS_OK);
    outcome_free(o);
    imapid_keylog_free(keylog);
}

/* The SHA-256 answer went round on the TLS list of the IETF; all of them are OpenSSL's. */
static void test_prf(void)
{
    static const struct {
        int hash;
        const char *secret, *out;
    } answers[] = {
        {GCRY_MD_SHA256, "9bbe436ba940f017b17652849a71db35",
         "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e"
         "14baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5"
         "a72e5a5110fff70187347b66"},
        {GCRY_MD_SHA384, "9bbe436ba940f017b17652849a71db35",
         "dd88775cd827187b67a3f7652b5c13f715791cc46e0274a6d3fb16651103defc544cd8afb68369a219bb918b"
         "8b21ddb1764af0a70339e6dec085e574f655851ba692513203536bdfc3675e53768210f0a2389dd324311a44"
         "0c7c30ef44b391d914c3b0c7c80f1cb5e134cf42"},
        {IMAPID_KDF_MD5_SHA1, "9bbe436ba940f017b17652849a71db35",
         "661740e6f98bc901efd2738502a71c03f76dd2f86298549b1148eff06714cf0f6b7c532cd8c69f1530e0bb68"
         "0eec34c495fa75a8bfcc9c335484c0d3d194ab6e32975903c50ebcdbe9d67c0591bdbd80dddcc36d33ccd58a"
         "df96caae"},
        /* An odd number of octets: the halves share one. */
        {IMAPID_KDF_MD5_SHA1, "0102030405",
         "60d83fc7f44562fd5f54dcd658614ce8e1688be660498c13bd250e4bbc07fa723576f07ca143b6e563a424b2"
         "57e1c9b88db0016a329121fadb675cdd"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        uint8_t secret[48], seed[16], out[256];
        size_t n_secret = unhex(answers[i].secret, secret);

        unhex("a0ba9f936cda311827a6f796ffd5198c", seed);
        for (size_t n = 1; n <= strlen(answers[i].out) / 2; n++) {
            char *start = g_strndup(answers[i].out, 2 * n);

            g_assert_true(imapid_kdf_prf(answers[i].hash, secret, n_secret, "test label", seed,
                                         n % 17, seed + n % 17, 16 - n % 17, out, n));
            assert_hex(out, start);
            g_free(start);
        }
    }
}

/* What is asked wrongly is refused. */
static void test_refused(void)
{
    uint8_t secret[64] = {0}, out[256];
    struct imapid_secret wrong = {.n = 32};

    g_assert_false(imapid_kdf_expand_label(9999, secret, "key", NULL, 0, out, 16));
    g_assert_false(imapid_kdf_expand_label(GCRY_MD_SHA256, secret, "key", NULL, 0, out, 256));
    g_assert_false(imapid_kdf_expand_label(GCRY_MD_SHA256, secret, "key", secret, 250, out, 16));
    g_assert_false(imapid_kdf_prf(9999, secret, 48, "x", NULL, 0, NULL, 0, out, 16));
    /* A secret of SHA-256 for a suite of SHA-384. */
    g_assert_null(imapid_cipher_new_1_3(imapid_suites_find(0x1302), &wrong));
    g_assert_false(imapid_cipher_update_secret(imapid_suites_find(0x1302), &wrong));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    imapid_kdf_init();
    g_test_add_func("/kdf/schedule", test_schedule);
    g_test_add_func("/kdf/records", test_records);
    g_test_add_func("/kdf/trace", test_trace);
    g_test_add_func("/kdf/prf", test_prf);
    g_test_add_func("/kdf/refused", test_refused);
    return g_test_run();
}
