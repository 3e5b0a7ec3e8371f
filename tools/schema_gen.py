#!/usr/bin/env python3
"""Writes from the API schema: C headers and tables, the WSDL and the reference page.

usage: schema_gen.py c OUTDIR SCHEMA...        vim_types.h vim_methods.h vim_tables.c
       schema_gen.py wsdl OUTDIR SCHEMA...     vimService.wsdl vim.wsdl vim-types.xsd
       schema_gen.py reference OUTDIR SCHEMA...  api-reference.md
       schema_gen.py rest OUTDIR SCHEMA...     rest_types.h rest_tables.c rest_openapi.c openapi.json
       schema_gen.py check SCHEMA...           only reads and checks
"""

import os
import sys

sys.dont_write_bytecode = True

import schema_c
import schema_doc
import schema_openapi
import schema_parse
import schema_rest
import schema_wsdl


def write(outdir, name, text):
    with open(os.path.join(outdir, name), 'w', encoding='utf-8') as f:
        f.write(text)


def main(argv):
    if len(argv) < 3 or argv[1] not in ('c', 'wsdl', 'reference', 'rest', 'check'):
        sys.exit(__doc__)
    try:
        if argv[1] == 'check':
            schema_parse.load(argv[2:])
            return
        outdir = argv[2]
        model = schema_parse.load(argv[3:])
    except (schema_parse.SchemaError, OSError) as e:
        sys.exit(f'schema: {e}')
    if argv[1] == 'c':
        writer = schema_c.Writer(model)
        write(outdir, 'vim_types.h', writer.types_h())
        write(outdir, 'vim_methods.h', writer.methods_h())
        write(outdir, 'vim_tables.c', writer.tables_c())
    elif argv[1] == 'wsdl':
        write(outdir, 'vimService.wsdl', schema_wsdl.service_wsdl())
        write(outdir, 'vim.wsdl', schema_wsdl.vim_wsdl(model))
        write(outdir, 'vim-types.xsd', schema_wsdl.types_xsd(model))
    elif argv[1] == 'rest':
        writer = schema_rest.Writer(model)
        text = schema_openapi.document(model)
        write(outdir, 'rest_types.h', writer.types_h())
        write(outdir, 'rest_tables.c', writer.tables_c())
        write(outdir, 'rest_openapi.c', schema_rest.embed('rest_openapi', text))
        write(outdir, 'openapi.json', text)
    else:
        write(outdir, 'api-reference.md', schema_doc.reference(model))


if __name__ == '__main__':
    main(sys.argv)
