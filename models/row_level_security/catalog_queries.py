"""Queries of the PostgreSQL catalog about the tables of the application (names in `:tables`).

They run with the role of the application, because its privileges are checked. VIOLATIONS_SQL returns descriptions of violations,
and the SQL with which the owner fixes each.
"""

from sqlalchemy import text

_APP_TABLES = """
    app_table (name, oid) AS (
        SELECT name, to_regclass(quote_ident(name)) FROM unnest(cast(:tables AS text[])) AS expected (name)
    )"""

MISSING_TABLES_SQL = text(f"WITH {_APP_TABLES} SELECT name FROM app_table WHERE oid IS NULL ORDER BY name")  # noqa: S608 - SQL made of constants, here and below

# Privileges of the two roles that read and write rows. A role loses them after it was the owner of the table.
MISSING_PRIVILEGES_SQL = text(f"""
    WITH {_APP_TABLES}
    SELECT format('%s lacks %s on %s', rolname, string_agg(privilege, ', ' ORDER BY privilege), name),
           format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO %I;', name, rolname)
    FROM app_table, pg_roles, unnest('{{SELECT,INSERT,UPDATE,DELETE}}'::text[]) AS required (privilege)
    WHERE rolname IN (current_user, :maintenance_role) AND NOT has_table_privilege(pg_roles.oid, app_table.oid, privilege)
    GROUP BY name, rolname
    ORDER BY name, rolname
""")  # noqa: S608

_UNPROTECTED = """
    SELECT 'row-level security is not enabled and forced on ' || name,
           format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;', name)
    FROM app_table JOIN pg_class USING (oid)
    WHERE NOT (relrowsecurity AND relforcerowsecurity)"""

# The new owner takes over all privileges of the old one.
_OWNERSHIP = """
    SELECT format('%s owns %s', current_user, name),
           format('ALTER TABLE %I OWNER TO %I; GRANT SELECT, INSERT, UPDATE, DELETE ON %1$I TO %3$I;',
                  name, pg_get_userbyid(datdba), current_user)
    FROM app_table JOIN pg_class USING (oid), pg_database
    WHERE datname = current_database() AND pg_get_userbyid(relowner) = current_user
  UNION
    SELECT format('%s has the rights of %s, who owns %s', current_user, owner, name),
           format('REVOKE %I FROM %I;', owner, current_user)
    FROM app_table JOIN pg_class USING (oid), pg_get_userbyid(relowner) AS owner
    WHERE owner <> current_user AND pg_has_role(current_user, relowner, 'USAGE')"""

# The role itself, or a role between.
_MAINTENANCE_MEMBERSHIP = """
    SELECT format('%s is a member of %s', current_user, maintenance.rolname),
           format('REVOKE %I FROM %I;', pg_get_userbyid(roleid), current_user)
    FROM pg_roles AS maintenance, pg_auth_members
    WHERE maintenance.rolname = :maintenance_role
      AND pg_get_userbyid(member) = current_user AND pg_has_role(roleid, maintenance.oid, 'MEMBER')"""

_MAINTENANCE_ROLE = """
    SELECT format('the role %s does not exist', :maintenance_role), format('CREATE ROLE %I NOLOGIN;', :maintenance_role)
    WHERE to_regrole(:maintenance_role) IS NULL"""

# Row-level security does not apply to TRUNCATE, to foreign key checks, or to triggers.
_EXCESS_PRIVILEGES = """
    SELECT format('%s may do more to %s than read and write rows', current_user, name),
           format('REVOKE TRUNCATE, REFERENCES, TRIGGER ON %I FROM %I, PUBLIC;', name, current_user)
    FROM app_table
    WHERE has_table_privilege(oid, 'TRUNCATE, REFERENCES, TRIGGER')"""

# A function in a schema of the search path can shadow one of PostgreSQL in the transactions of any user.
_CREATE_PRIVILEGES = """
    SELECT format('%s may create objects in the schema %s', current_user, name),
           format('REVOKE CREATE ON SCHEMA %I FROM %I, PUBLIC;', name, current_user)
    FROM unnest(current_schemas(false)) AS schema (name)
    WHERE has_schema_privilege(name, 'CREATE')"""

# A view reads as its owner unless security_invoker is set; a materialized view contains the rows that its owner could read.
_VIEWS = """
    SELECT format('the view %s shows rows with the rights of %s', dependent.oid::regclass, pg_get_userbyid(relowner)),
           CASE relkind WHEN 'v' THEN format('ALTER VIEW %s SET (security_invoker = true);', dependent.oid::regclass)
                        ELSE format('REVOKE ALL ON %s FROM %I, PUBLIC;', dependent.oid::regclass, current_user) END
    FROM dependent JOIN pg_class USING (oid) JOIN bypassing ON bypassing.oid = relowner
    WHERE relkind IN ('v', 'm')
      AND (has_any_column_privilege(dependent.oid, 'SELECT, INSERT, UPDATE') OR has_table_privilege(dependent.oid, 'DELETE'))
      AND NOT EXISTS (
        SELECT FROM pg_options_to_table(reloptions) WHERE option_name = 'security_invoker' AND option_value::boolean
      )"""

# SECURITY DEFINER functions whose body names a table of the application; what they do with it cannot be checked.
_FUNCTIONS = """
    SELECT format('%s runs with the rights of %s', routine.oid::regprocedure, pg_get_userbyid(proowner)),
           format('REVOKE EXECUTE ON ROUTINE %s FROM %I, PUBLIC;', routine.oid::regprocedure, current_user)
    FROM pg_proc AS routine JOIN bypassing ON bypassing.oid = proowner
    WHERE prosecdef AND prorettype <> 'trigger'::regtype AND pronamespace <> 'pg_catalog'::regnamespace
      AND has_function_privilege(routine.oid, 'EXECUTE') AND has_schema_privilege(pronamespace, 'USAGE')
      AND prosrc || coalesce(pg_get_function_sqlbody(routine.oid), '')
          ~ (SELECT '\\m(' || string_agg(name, '|') || ')\\M' FROM app_table)"""

VIOLATIONS_SQL = text(f"""
    WITH RECURSIVE {_APP_TABLES},
    bypassing (oid) AS (
        SELECT oid FROM pg_roles WHERE rolsuper OR rolbypassrls OR pg_has_role(oid, to_regrole(:maintenance_role), 'USAGE')
    ),
    dependent (oid) AS (
        SELECT oid::oid FROM app_table
      UNION
        SELECT ev_class
        FROM dependent
        JOIN pg_depend ON refclassid = 'pg_class'::regclass AND refobjid = dependent.oid AND classid = 'pg_rewrite'::regclass
        JOIN pg_rewrite AS rule ON rule.oid = objid
    )
    {_MAINTENANCE_ROLE}
  UNION ALL {_MAINTENANCE_MEMBERSHIP}
  UNION ALL {_UNPROTECTED}
  UNION ALL {_OWNERSHIP}
  UNION ALL {_EXCESS_PRIVILEGES}
  UNION ALL {_CREATE_PRIVILEGES}
  UNION ALL {_VIEWS}
  UNION ALL {_FUNCTIONS}
""")  # noqa: S608

POLICIES_SQL = text(f"""
    WITH {_APP_TABLES}
    SELECT name, polname,
           CASE WHEN polpermissive AND polroles = '{{0}}' THEN 'public'
                WHEN polpermissive AND cardinality(polroles) = 1 THEN pg_get_userbyid(polroles[1]) END,
           CASE polcmd WHEN '*' THEN 'ALL' WHEN 'r' THEN 'SELECT' ELSE 'OTHER' END,
           pg_get_expr(polqual, polrelid),
           pg_get_expr(polwithcheck, polrelid)
    FROM app_table JOIN pg_policy ON polrelid = app_table.oid
    ORDER BY 1, 2
""")  # noqa: S608
