// A login with imapflow as its documentation shows it. It sends its ID by itself.
import { ImapFlow } from 'imapflow';

const options = process.argv.slice(2);
const client = new ImapFlow({
    host: process.env.HOST,
    port: options.includes('tls') ? 993 : 143,
    secure: options.includes('tls'),
    doSTARTTLS: options.includes('starttls'),
    disableCompression: options.includes('no-compress'),
    tls: { rejectUnauthorized: false },
    auth: { user: 'alice', pass: 'secret' },
    logger: false
});
await client.connect();
const lock = await client.getMailboxLock('INBOX');
await client.fetchOne('*', { envelope: true });
lock.release();
await client.logout();
