-- A credential of an Autonomous Database that reads the auth token from Vault itself. Run it once, as the schema that owns the jobs.
-- The secret is the plain one (auth_secret_ocid), whose content is only the token; the database would use a whole bundle as the token.
set define off

begin
  dbms_cloud.create_credential(
    credential_name => 'OBJECT_STORE',
    params          => json_object(
      'username'  value 'orders-export@example.com',
      'region'    value 'us-ashburn-1',
      'secret_id' value 'ocid1.vaultsecret.oc1.iad.example'));
end;
/

-- The database automatically looks for a new version every 12 hours. This job does it every hour.
begin
  dbms_scheduler.create_job(
    job_name        => 'REFRESH_OBJECT_STORE',
    job_type        => 'PLSQL_BLOCK',
    job_action      => q'[begin dbms_cloud.refresh_vault_credential(credential_name => 'OBJECT_STORE'); end;]',
    repeat_interval => 'FREQ=HOURLY',
    enabled         => true);
end;
/

-- A refused job reads the token again and retries, so that it doesn't depend on the schedule.
create or replace procedure export_orders(target varchar2) authid definer is
  procedure write_file is
  begin
    dbms_cloud.export_data(
      credential_name => 'OBJECT_STORE',
      file_uri_list   => target,
      query           => 'select * from orders',
      format          => json_object('type' value 'csv'));
  end;
begin
  write_file;
exception
  when others then
    if sqlcode != -20401 then -- authorization failed
      raise;
    end if;
    dbms_cloud.refresh_vault_credential(credential_name => 'OBJECT_STORE');
    write_file;
end;
/
