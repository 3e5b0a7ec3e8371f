"""Writes the C side of the schema: structs, enumerations and descriptor tables."""

from schema_parse import PRIMITIVES

KEYWORDS = set('''auto break case char const continue default do double else enum extern float for goto
if inline int long register restrict return short signed sizeof static struct switch typedef union
unsigned void volatile while bool true false'''.split())

BANNER = '/* Generated from schema/ by tools/schema_gen.py. Do not edit. */\n'

# Kinds whose absence the value itself cannot show.
HAS_KINDS = {'BOOLEAN', 'BYTE', 'SHORT', 'INT', 'LONG', 'FLOAT', 'DOUBLE', 'DATETIME'}


def c_name(name):
    return name + '_' if name in KEYWORDS else name


def release_id(name):
    return 'VIM_VERSION_' + name.replace('.', '_')


def quoted(text):
    return 'NULL' if text is None else f'"{text}"'


class Writer:
    def __init__(self, model):
        self.model = model

    # ---- C forms ----

    def kind(self, t):
        if t.is_ref:
            return 'REF'
        if t.name in PRIMITIVES:
            return PRIMITIVES[t.name][0]
        return 'ENUM' if t.name in self.model.enums else 'DATA'

    def descriptor(self, t):
        if t.is_ref:
            return 'vim_type_ref'
        return 'vim_type_' + t.name

    def array_name(self, t):
        if t.is_ref:
            return 'struct vim_array_ref'
        if t.name in PRIMITIVES:
            return 'struct vim_array_' + PRIMITIVES[t.name][3]
        return 'struct vim_array_' + t.name

    def c_type(self, t):
        if t.is_array:
            return self.array_name(t) + ' '
        if t.is_ref:
            return 'struct vim_ref '
        if t.name in PRIMITIVES:
            c = PRIMITIVES[t.name][1]
            return c if c.endswith('*') else c + ' '
        if t.name in self.model.enums:
            return f'enum vim_{t.name} '
        return f'struct vim_{t.name} *'

    def has_flag(self, f):
        return f.optional and not f.type.is_array and self.kind(f.type) in HAS_KINDS

    def members(self, fields, rename=None):
        lines = []
        for f in fields:
            name = rename or c_name(f.name)
            if self.has_flag(f):
                lines.append(f'    bool has_{rename or f.name};')
            lines.append(f'    {self.c_type(f.type)}{name};')
        return lines

    # ---- headers ----

    def types_h(self):
        m = self.model
        out = [BANNER, '#ifndef API_VIM_TYPES_H', '#define API_VIM_TYPES_H', '', '#include "api/vim.h"', '']
        out.append('enum vim_release {')
        out += [f'    {release_id(v)} = {i},' for i, v in enumerate(m.versions)]
        out += ['};', '']
        for e in sorted(m.enums.values(), key=lambda e: e.name):
            out.append(f'enum vim_{e.name} {{')
            out.append(f'    VIM_{e.name}_UNSET = 0,')
            out += [f'    VIM_{e.name}_{v},' for v, _ in e.values]
            out += ['};', f'extern const struct vim_type vim_type_{e.name};']
            out += [f'struct vim_array_{e.name} {{', '    size_t count;', f'    enum vim_{e.name} *items;', '};', '']
        names = sorted(m.data)
        out += [f'struct vim_{n};' for n in names]
        out.append('')
        for n in names:
            out += [f'struct vim_array_{n} {{', '    size_t count;', f'    struct vim_{n} **items;', '};']
        out.append('')
        for n in names:
            d = m.data[n]
            note = f' /* since {d.since} */' if d.since != m.versions[0] else ''
            out.append(f'struct vim_{n} {{{note}')
            out.append('    struct vim_object base;')
            if d.opaque:
                out.append('    bool has_content;')
            out += self.members(m.all_fields(d))
            out += ['};', f'extern const struct vim_type vim_type_{n};', '']
        for n in sorted(m.objects):
            out.append(f'extern const struct vim_mo_type vim_mo_{n};')
        out += ['', '#endif', '']
        return '\n'.join(out)

    def methods_h(self):
        out = [BANNER, '#ifndef API_VIM_METHODS_H', '#define API_VIM_METHODS_H', '', '#include "api/vim_types.h"', '']
        for n in sorted(self.model.methods):
            m = self.model.methods[n]
            out.append(f'struct vim_{n}_request {{ /* on {m.mo.name} */')
            out.append('    struct vim_ref this_;')
            out += self.members(m.params)
            out += ['};', f'struct vim_{n}_result {{']
            if m.result:
                out += self.members([m.result], 'value')
            else:
                out.append('    char nothing;')
            out += ['};', f'extern const struct vim_method vim_method_{n};', '']
        out += ['#endif', '']
        return '\n'.join(out)

    # ---- tables ----

    def field_row(self, struct, f, member=None):
        flags = []
        if f.optional:
            flags.append('VIM_FIELD_OPTIONAL')
        if f.type.is_array:
            flags.append('VIM_FIELD_ARRAY')
        if f.default:
            flags.append('VIM_FIELD_DEFAULT')
        if f.secret:
            flags.append('VIM_FIELD_SECRET')
        mo = f.type.name if f.type.is_ref and f.type.name != 'any' else None
        has = f'offsetof({struct}, has_{member or f.name})' if struct and self.has_flag(f) else 'VIM_NO_HAS'
        offset = f'offsetof({struct}, {member or c_name(f.name)})' if struct else '0'
        return (f'    {{"{f.name}", &{self.descriptor(f.type)}, {quoted(mo)}, {quoted(f.privilege)}, '
                f'{offset}, {has}, {release_id(f.since)}, {" | ".join(flags) or "0"}}},')

    def field_table(self, table, struct, fields, member=None):
        if not fields:
            return []
        return ([f'static const struct vim_field {table}[] = {{'] +
                [self.field_row(struct, f, member) for f in fields] + ['};'])

    def data_rows(self, d):
        fields = self.model.all_fields(d)
        out = self.field_table(f'fields_{d.name}', f'struct vim_{d.name}', fields)
        flags = [f for f, on in (('VIM_TYPE_ABSTRACT', d.abstract), ('VIM_TYPE_FAULT', d.fault),
                                 ('VIM_TYPE_OPAQUE', d.opaque)) if on]
        base = f'&vim_type_{d.base}' if d.base else 'NULL'
        out.append(f'const struct vim_type vim_type_{d.name} = {{.name = "{d.name}", .base = {base}, '
                   f'.fields = {"fields_" + d.name if fields else "NULL"}, .field_count = {len(fields)}, '
                   f'.size = sizeof(struct vim_{d.name}), .since = {release_id(d.since)}, '
                   f'.kind = VIM_KIND_DATA, .flags = {" | ".join(flags) or "0"}}};')
        return out

    def enum_rows(self, e):
        out = [f'static const struct vim_enum_value values_{e.name}[] = {{']
        out += [f'    {{"{v}", {release_id(s)}}},' for v, s in e.values]
        out += ['};', f'const struct vim_type vim_type_{e.name} = {{.name = "{e.name}", '
                f'.values = values_{e.name}, .value_count = {len(e.values)}, .size = sizeof(int), '
                f'.since = {release_id(e.since)}, .kind = VIM_KIND_ENUM}};']
        return out

    def primitive_rows(self):
        out = []
        for name, (kind, c, xsd, _) in PRIMITIVES.items():
            out.append(f'const struct vim_type vim_type_{name} = {{.name = "{name}", .xsd = {quoted(xsd)}, '
                       f'.size = sizeof({c.strip()}), .kind = VIM_KIND_{kind}}};')
        out.append('const struct vim_type vim_type_ref = {.name = "ManagedObjectReference", '
                   '.size = sizeof(struct vim_ref), .kind = VIM_KIND_REF};')
        return out

    def object_rows(self, mo):
        props = self.model.all_properties(mo)
        out = self.field_table(f'properties_{mo.name}', None, props)
        base = f'&vim_mo_{mo.base}' if mo.base else 'NULL'
        out.append(f'const struct vim_mo_type vim_mo_{mo.name} = {{.name = "{mo.name}", .base = {base}, '
                   f'.properties = {"properties_" + mo.name if props else "NULL"}, '
                   f'.property_count = {len(props)}, .since = {release_id(mo.since)}}};')
        return out

    def struct_row(self, name, struct, fields, table, since):
        return (f'static const struct vim_type {name} = {{.name = "{name.removeprefix("type_")}", '
                f'.fields = {table if fields else "NULL"}, .field_count = {len(fields)}, '
                f'.size = sizeof({struct}), .since = {release_id(since)}, .kind = VIM_KIND_DATA}};')

    def method_rows(self, m):
        n = m.name
        out = self.field_table(f'params_{n}', f'struct vim_{n}_request', m.params)
        results = [m.result] if m.result else []
        out += self.field_table(f'result_{n}', f'struct vim_{n}_result', results, 'value')
        out.append(self.struct_row(f'type_{n}_request', f'struct vim_{n}_request', m.params, f'params_{n}', m.since))
        out.append(self.struct_row(f'type_{n}_result', f'struct vim_{n}_result', results, f'result_{n}', m.since))
        faults = 'NULL'
        if m.faults:
            faults = f'faults_{n}'
            out.append(f'static const struct vim_type *const {faults}[] = {{' +
                       ', '.join(f'&vim_type_{f}' for f in m.faults) + ', NULL};')
        else:
            faults = 'faults_none'
        flags = [f for f, on in (('VIM_METHOD_NEEDS_SESSION', not m.anonymous), ('VIM_METHOD_TASK', m.task),
                                 ('VIM_METHOD_HIDDEN', m.hidden)) if on]
        task = f'&{self.descriptor(m.task_result)}' if m.task_result else 'NULL'
        task_mo = m.task_result.name if m.task_result and m.task_result.is_ref else None
        out.append(f'const struct vim_method vim_method_{n} = {{.name = "{n}", .mo = &vim_mo_{m.mo.name}, '
                   f'.request = &type_{n}_request, .result = &type_{n}_result, .task_result = {task}, '
                   f'.task_result_mo = {quoted(task_mo)}, .privilege = {quoted(m.privilege)}, '
                   f'.faults = {faults}, .since = {release_id(m.since)}, .flags = {" | ".join(flags) or "0"}}};')
        return out

    @staticmethod
    def index(kind, name, rows):
        return ([f'const struct {kind} *const {name}s[] = {{'] + [f'    &{r},' for r in rows] +
                ['};', f'const size_t {name}_count = {len(rows)};', ''])

    def tables_c(self):
        m = self.model
        out = [BANNER, '#include "api/vim_methods.h"', '']
        out.append('const char *const vim_version_names[] = {' + ', '.join(f'"{v}"' for v in m.versions) + '};')
        out.append(f'const size_t vim_version_count = {len(m.versions)};')
        out.append(f'const vim_version vim_version_advertised = {release_id(m.advertised)};')
        out.append('')
        out.append('static const struct vim_type *const faults_none[] = {NULL};')
        out += self.primitive_rows()
        for e in sorted(m.enums.values(), key=lambda e: e.name):
            out += self.enum_rows(e)
        for n in sorted(m.data):
            out += self.data_rows(m.data[n])
        for n in sorted(m.objects):
            out += self.object_rows(m.objects[n])
        for n in sorted(m.methods):
            out += self.method_rows(m.methods[n])
        out.append('')
        # The order is that of strcmp, which the look-ups rely on.
        names = {n: 'vim_type_' + n for n in list(m.data) + list(m.enums) + list(PRIMITIVES)}
        names['ManagedObjectReference'] = 'vim_type_ref'
        out += self.index('vim_type', 'vim_type', [names[n] for n in sorted(names)])
        out += self.index('vim_mo_type', 'vim_mo_type', ['vim_mo_' + n for n in sorted(m.objects)])
        out += self.index('vim_method', 'vim_method', ['vim_method_' + n for n in sorted(m.methods)])
        return '\n'.join(out)
