"""Writes the API reference page from the schema."""


def spell(t):
    return ('ref ' if t.is_ref else '') + t.name + ('[]' if t.is_array else '')


def field_row(f, oldest):
    notes = []
    if f.privilege:
        notes.append(f'needs {f.privilege}')
    if f.since != oldest:
        notes.append(f'since {f.since}')
    if f.default:
        notes.append('may be left out')
    return f'| {f.name} | {spell(f.type)}{"" if not f.optional else ", optional"} | {"; ".join(notes)} |'


def field_table(fields, oldest, what):
    if not fields:
        return []
    return [f'| {what} | type | |', '|---|---|---|'] + [field_row(f, oldest) for f in fields] + ['']


def method_lines(m, oldest):
    result = 'nothing'
    if m.task:
        result = 'a task' + (f' whose result is {spell(m.task_result)}' if m.task_result else '')
    elif m.result:
        result = spell(m.result.type) + (', or nothing' if m.result.optional else '')
    facts = [f'Returns {result}.']
    if m.privilege:
        facts.append(f'Needs {m.privilege}.')
    if m.anonymous:
        facts.append('Works without a session.')
    if m.since != oldest:
        facts.append(f'Since {m.since}.')
    if m.hidden:
        facts.append('Not in the WSDL.')
    if m.faults:
        facts.append('Faults: ' + ', '.join(m.faults) + '.')
    return [f'#### {m.name}', '', ' '.join(facts), ''] + field_table(m.params, oldest, 'parameter')


def heading(item, oldest):
    base = f', extends {item.base}' if getattr(item, 'base', None) else ''
    since = f', since {item.since}' if item.since != oldest else ''
    return f'{base}{since}'


def reference(model):
    oldest = model.versions[0]
    out = ['# API reference', '', 'Generated from `schema/`. Release that is advertised: '
           f'{model.advertised}.', '', '## Managed objects', '']
    for n in sorted(model.objects):
        mo = model.objects[n]
        if not mo.properties and not mo.methods:
            continue
        out += [f'### {n}{heading(mo, oldest)}', '']
        out += field_table(mo.properties, oldest, 'property')
        for m in sorted(mo.methods, key=lambda m: m.name):
            out += method_lines(m, oldest)
    for title, fault in (('Data objects', False), ('Faults', True)):
        out += [f'## {title}', '']
        for n in sorted(model.data):
            d = model.data[n]
            if d.fault == fault and not d.opaque:
                out += [f'### {n}{heading(d, oldest)}', '']
                out += field_table(model.all_fields(d), oldest, 'field')
    out += ['## Enumerations', '']
    for n in sorted(model.enums):
        out += [f'### {n}', '', ', '.join(v for v, _ in model.enums[n].values), '']
    return '\n'.join(out)
