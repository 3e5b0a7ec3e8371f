"""Writes the C side of the REST schema: structs, descriptors and the table of operations.

The descriptors are those of the API (struct vim_type), with names of their own, so that the JSON
codec serves both and no API client can name a REST type.
"""

from schema_c import BANNER, HAS_KINDS, c_name, quoted
from schema_parse import PRIMITIVES

VERBS = {v: 'REST_' + v for v in ('GET', 'POST', 'PUT', 'PATCH', 'DELETE')}


class Writer:
    def __init__(self, model):
        self.model = model

    def kind(self, t):
        if t.name in PRIMITIVES:
            return PRIMITIVES[t.name][0]
        return 'ENUM' if t.name in self.model.enums else 'DATA'

    def c_type(self, t):
        if t.is_array:
            if t.name in PRIMITIVES:
                return f'struct vim_array_{PRIMITIVES[t.name][3]} '
            return f'struct rest_array_{t.name} '
        if t.name in PRIMITIVES:
            c = PRIMITIVES[t.name][1]
            return c if c.endswith('*') else c + ' '
        if t.name in self.model.enums:
            return f'enum rest_{t.name} '
        return f'struct rest_{t.name} *'

    def has_flag(self, f):
        return f.optional and not f.type.is_array and self.kind(f.type) in HAS_KINDS

    def members(self, fields):
        lines = []
        for f in fields:
            if self.has_flag(f):
                lines.append(f'    bool has_{f.name};')
            lines.append(f'    {self.c_type(f.type)}{c_name(f.name)};')
        return lines

    def types_h(self):
        m = self.model
        out = [BANNER, '#ifndef API_REST_TYPES_H', '#define API_REST_TYPES_H', '', '#include "api/vim.h"', '']
        for n in sorted(m.enums):
            out += [f'enum rest_{n} {{', f'    REST_{n}_UNSET = 0,']
            out += [f'    REST_{n}_{v},' for v, _ in m.enums[n].values]
            out += ['};', f'extern const struct vim_type rest_type_{n};', f'struct rest_array_{n} {{',
                    '    size_t count;', f'    enum rest_{n} *items;', '};', '']
        out += [f'struct rest_{n};' for n in sorted(m.data)]
        for n in sorted(m.data):
            out += [f'struct rest_array_{n} {{', '    size_t count;', f'    struct rest_{n} **items;', '};']
        for n in sorted(m.data):
            out += [f'struct rest_{n} {{', '    struct vim_object base;', *self.members(m.data[n].fields), '};',
                    f'extern const struct vim_type rest_type_{n};', '']
        out.append('/* Query parameters and results of the operations. */')
        for n in sorted(m.operations):
            op = m.operations[n]
            if op.query:
                out += [f'struct rest_{n}_query {{', *self.members(op.query), '};']
            if op.result:
                out += [f'struct rest_{n}_result {{', *self.members([op.result]), '};']
        out += ['', 'enum rest_operation_id {']
        out += [f'    REST_OP_{n},' for n in sorted(m.operations)]
        out += ['    REST_OPERATION_COUNT', '};', '', '#endif', '']
        return '\n'.join(out)

    def field_row(self, struct, f):
        flags = [name for name, on in (('VIM_FIELD_OPTIONAL', f.optional), ('VIM_FIELD_ARRAY', f.type.is_array),
                                       ('VIM_FIELD_MAP', f.type.is_map), ('VIM_FIELD_DEFAULT', f.default),
                                       ('VIM_FIELD_SECRET', f.secret)) if on]
        prefix = 'vim' if f.type.name in PRIMITIVES else 'rest'
        has = f'offsetof({struct}, has_{f.name})' if self.has_flag(f) else 'VIM_NO_HAS'
        return (f'    {{"{f.name}", &{prefix}_type_{f.type.name}, NULL, NULL, offsetof({struct}, {c_name(f.name)}), '
                f'{has}, 0, {" | ".join(flags) or "0"}}},')

    def struct_rows(self, name, variable, struct, fields):
        out = []
        table = 'NULL'
        if fields:
            table = f'fields_{variable}'
            out = ([f'static const struct vim_field {table}[] = {{'] + [self.field_row(struct, f) for f in fields] +
                   ['};'])
        out.append(f'const struct vim_type {variable} = {{.name = "{name}", .fields = {table}, '
                   f'.field_count = {len(fields)}, .size = sizeof({struct}), .kind = VIM_KIND_DATA}};')
        return out

    def operation_row(self, op):
        query = f'&rest_query_{op.name}' if op.query else 'NULL'
        body = f'&{"vim" if op.body in PRIMITIVES else "rest"}_type_{op.body}' if op.body else 'NULL'
        result = f'&rest_result_{op.name}' if op.result else 'NULL'
        return (f'    [REST_OP_{op.name}] = {{"{op.name}", {VERBS[op.verb]}, "{op.path}", "{op.action_name}", '
                f'{quoted(op.action)}, {query}, {body}, {result}, {op.status}, {"true" if op.login else "false"}, '
                f'{"true" if op.late else "false"}, {"true" if op.simulated else "false"}}},')

    def tables_c(self):
        m = self.model
        out = [BANNER, '#include "api/rest_operation.h"', '']
        for n in sorted(m.enums):
            e = m.enums[n]
            out += [f'static const struct vim_enum_value values_{n}[] = {{'] + [f'    {{"{v}", 0}},' for v, _ in e.values]
            out += ['};', f'const struct vim_type rest_type_{n} = {{.name = "{n}", .values = values_{n}, '
                    f'.value_count = {len(e.values)}, .size = sizeof(int), .kind = VIM_KIND_ENUM}};']
        for n in sorted(m.data):
            out += self.struct_rows(n, f'rest_type_{n}', f'struct rest_{n}', m.data[n].fields)
        for n in sorted(m.operations):
            op = m.operations[n]
            if op.query:
                out += static(self.struct_rows(n, f'rest_query_{n}', f'struct rest_{n}_query', op.query))
            if op.result:
                out += static(self.struct_rows(n, f'rest_result_{n}', f'struct rest_{n}_result', [op.result]))
        out += ['const struct rest_operation rest_operations[REST_OPERATION_COUNT] = {']
        out += [self.operation_row(m.operations[n]) for n in sorted(m.operations)]
        out += ['};', '']
        return '\n'.join(out)


def static(rows):
    """The last row is the descriptor; nobody else needs it."""
    return rows[:-1] + ['static ' + rows[-1]]


def embed(name, text):
    """The text as a C array."""
    data = text.encode()
    rows = [', '.join(str(b) for b in data[i:i + 24]) + ',' for i in range(0, len(data), 24)]
    return '\n'.join([BANNER, '#include "api/rest_operation.h"', '', f'const unsigned char {name}[] = {{', *rows, '};',
                      f'const size_t {name}_size = sizeof({name});', ''])
