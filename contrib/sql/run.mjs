#!/usr/bin/env node
// SPDX-License-Identifier: GPL-2.0-or-later
// run.mjs [NAME=VALUE…] FILE.sql…: runs them one after the other in DuckDB (npm install @duckdb/node-api) with these variables, and prints the
// rows of each query as JSON, one a line. Who has duckdb itself: duckdb -c "SET VARIABLE parquet = 'DIR'" -c ".read schema.sql" -c "SELECT …".
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

// Beside this file, in the folder where it is run, or where DUCKDB_NODE says.
const places = [import.meta.url, join(process.env.DUCKDB_NODE ?? process.cwd(), 'x')];
const { DuckDBInstance } = (() => {
    for (const place of places)
        try {
            return createRequire(place)('@duckdb/node-api');
        } catch (error) {
            if (error.code !== 'MODULE_NOT_FOUND' || place === places.at(-1)) throw error;
        }
})();

process.stdout.on('error', () => process.exit()); // a pipe that was closed

const connection = await (await DuckDBInstance.create(':memory:')).connect();
try {
    for (const word of process.argv.slice(2)) {
        const variable = /^([a-z]+)=(.*)$/s.exec(word);
        if (variable) {
            await connection.run(`SET VARIABLE ${variable[1]} = '${variable[2].replaceAll("'", "''")}'`);
            continue;
        }
        const statements = await connection.extractStatements(readFileSync(word, 'utf8'));
        for (let i = 0; i < statements.count; i++) {
            const reader = await (await statements.prepare(i)).runAndReadAll();
            if (reader.columnNames()[0] === 'Count' && reader.columnCount === 1) continue; // of COPY and CREATE
            for (const row of reader.getRowsJson()) console.log(JSON.stringify(row));
        }
    }
} catch (error) {
    console.error(`run.mjs: ${error.message}`);
    process.exitCode = 1;
}
