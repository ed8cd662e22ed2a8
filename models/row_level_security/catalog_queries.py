"""What PostgreSQL's catalog is asked about our tables (`:tables`, by name) before the service runs on them.

Every question is asked as the application's role: its rights are the ones that count. HOLES answers with what is wrong, and with
the SQL by which an owner mends it.
"""

from sqlalchemy import text

_OURS = """
    ours (name, oid) AS (
        SELECT name, to_regclass(quote_ident(name)) FROM unnest(cast(:tables AS text[])) AS wanted (name)
    )"""

MISSING_TABLES_SQL = text(f"WITH {_OURS} SELECT name FROM ours WHERE oid IS NULL ORDER BY name")  # noqa: S608 - constants of ours, here and below

_UNPROTECTED = """
    SELECT 'row-level security is not enabled and forced on ' || name,
           format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;', name)
    FROM ours JOIN pg_class USING (oid)
    WHERE NOT (relrowsecurity AND relforcerowsecurity)"""

_OWNED = """
    SELECT format('%s owns %s', current_user, name), format('ALTER TABLE %I OWNER TO %I;', name, pg_get_userbyid(datdba))
    FROM ours JOIN pg_class USING (oid), pg_database
    WHERE datname = current_database() AND pg_get_userbyid(relowner) = current_user
  UNION
    SELECT format('%s has the rights of %s, who owns %s', current_user, owner, name),
           format('REVOKE %I FROM %I;', owner, current_user)
    FROM ours JOIN pg_class USING (oid), pg_get_userbyid(relowner) AS owner
    WHERE owner <> current_user AND pg_has_role(current_user, relowner, 'USAGE')"""

# Row-level security has no say in TRUNCATE, in what a reference finds, and in what a trigger does.
_TOO_MUCH = """
    SELECT format('%s may do more to %s than read and write rows', current_user, name),
           format('REVOKE TRUNCATE, REFERENCES, TRIGGER ON %I FROM %I, PUBLIC;', name, current_user)
    FROM ours
    WHERE has_table_privilege(oid, 'TRUNCATE, REFERENCES, TRIGGER')"""

# Whoever may create a function where ours are looked for can have it called instead of PostgreSQL's, in a transaction of anybody.
_CREATING = """
    SELECT format('%s may create objects in the schema %s', current_user, name),
           format('REVOKE CREATE ON SCHEMA %I FROM %I, PUBLIC;', name, current_user)
    FROM unnest(current_schemas(false)) AS schema (name)
    WHERE has_schema_privilege(name, 'CREATE')"""

# A view reads with its owner's rights unless it says otherwise; a materialized one holds what its owner saw.
_VIEWS = """
    SELECT format('the view %s shows rows with the rights of %s', seen.oid::regclass, pg_get_userbyid(relowner)),
           CASE relkind WHEN 'v' THEN format('ALTER VIEW %s SET (security_invoker = true);', seen.oid::regclass)
                        ELSE format('REVOKE ALL ON %s FROM %I, PUBLIC;', seen.oid::regclass, current_user) END
    FROM seen JOIN pg_class USING (oid) JOIN bypassing ON bypassing.oid = relowner
    WHERE relkind IN ('v', 'm')
      AND (has_any_column_privilege(seen.oid, 'SELECT, INSERT, UPDATE') OR has_table_privilege(seen.oid, 'DELETE'))
      AND NOT EXISTS (
        SELECT FROM pg_options_to_table(reloptions) WHERE option_name = 'security_invoker' AND option_value::boolean
      )"""

# A function that runs with its owner's rights and speaks of our tables; what it would do with them cannot be told from here.
_FUNCTIONS = """
    SELECT format('%s runs with the rights of %s', routine.oid::regprocedure, pg_get_userbyid(proowner)),
           format('REVOKE EXECUTE ON ROUTINE %s FROM %I, PUBLIC;', routine.oid::regprocedure, current_user)
    FROM pg_proc AS routine JOIN bypassing ON bypassing.oid = proowner
    WHERE prosecdef AND prorettype <> 'trigger'::regtype AND pronamespace <> 'pg_catalog'::regnamespace
      AND has_function_privilege(routine.oid, 'EXECUTE') AND has_schema_privilege(pronamespace, 'USAGE')
      AND prosrc || coalesce(pg_get_function_sqlbody(routine.oid), '')
          ~ (SELECT '\\m(' || string_agg(name, '|') || ')\\M' FROM ours)"""

VIOLATIONS_SQL = text(f"""
    WITH RECURSIVE {_OURS},
    bypassing (oid) AS (SELECT oid FROM pg_roles WHERE rolsuper OR rolbypassrls),
    seen (oid) AS (
        SELECT oid::oid FROM ours
      UNION
        SELECT ev_class
        FROM seen
        JOIN pg_depend ON refclassid = 'pg_class'::regclass AND refobjid = seen.oid AND classid = 'pg_rewrite'::regclass
        JOIN pg_rewrite AS rule ON rule.oid = objid
    )
    {_UNPROTECTED}
  UNION ALL {_OWNED}
  UNION ALL {_TOO_MUCH}
  UNION ALL {_CREATING}
  UNION ALL {_VIEWS}
  UNION ALL {_FUNCTIONS}
""")  # noqa: S608

POLICIES_SQL = text(f"""
    WITH {_OURS}
    SELECT name, polname,
           polpermissive AND polroles = '{{0}}',
           CASE polcmd WHEN '*' THEN 'ALL' WHEN 'r' THEN 'SELECT' ELSE 'OTHER' END,
           pg_get_expr(polqual, polrelid),
           pg_get_expr(polwithcheck, polrelid)
    FROM ours JOIN pg_policy ON polrelid = ours.oid
    ORDER BY 1, 2
""")  # noqa: S608
